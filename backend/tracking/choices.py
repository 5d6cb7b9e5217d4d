"""Choices of a person for an experiment of external runs: its losses, the roles of its params."""

from sqlalchemy.orm import Session

from backend.errors import InvalidInput
from backend.runs.roles import Roles
from backend.specification.params import JsonObject
from backend.store import external_experiments, external_runs, run_params
from backend.tracking import diagnoses, experiments

DIAGNOSED_AT_ONCE = 100  # takes about a second; the other runs follow in the background


def choose_pairing(session: Session, experiment_id: int, pairing: JsonObject) -> None:
    """Store the losses to diagnose, without any the choice by names, and diagnose again.

    Raises NotFound, and InvalidInput if one metric is to be both losses.
    """
    experiments.get(session, experiment_id)
    if pairing.get("train") is not None and pairing.get("train") == pairing.get("validation"):
        raise InvalidInput(
            f"validation is {pairing['validation']!r}, as train is; accepted: another metric.",
            "validation",
        )
    external_experiments.set_pairing(session, experiment_id, pairing or None)
    waiting = external_runs.diagnose_again(session, experiment_id)
    for run in external_runs.locate(session, waiting[:DIAGNOSED_AT_ONCE]).values():
        diagnoses.diagnose_now(session, run)


def choose_roles(session: Session, experiment_id: int, roles: JsonObject) -> None:
    """Store the roles of params. Raises NotFound, and InvalidInput for a param no run has."""
    experiments.get(session, experiment_id)
    names = set(run_params.names_in(session, experiment_id))
    for role, name in roles.items():
        if name is not None and name not in names:
            raise InvalidInput(
                f"{role} is {name!r}; accepted: a param of the experiment's runs, or null.", role
            )
    if len({*roles.values()} - {None}) < sum(name is not None for name in roles.values()):
        raise InvalidInput("A param has two roles; accepted: one role for each.", "roles")
    external_experiments.set_roles(session, experiment_id, Roles(**roles).as_json())

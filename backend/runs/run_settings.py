"""Settings of runs: the hyperparameters by which lists, grids and the analysis compare them."""

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from backend.runs.roles import Roles
from backend.specification.params import JsonObject, Params, ParamValue
from backend.store import experiments, run_params
from backend.store.tables import Experiment, Run

MIN_RUNS_TO_TELL = 3  # with fewer runs, every text that varies differs in all of them


def roles_of(session: Session, experiment: Experiment) -> Roles:
    """Return the roles that a person chose for the params of an experiment, else guessed ones."""
    if experiment.roles is not None:
        return Roles(**experiment.roles)
    return Roles.guessed(run_params.names_in(session, experiment.id))


def settings_of(session: Session, rows: Sequence[Run]) -> dict[int, Params]:
    """Return the settings of runs: the hyperparameters of a run that is trained here.

    For an external run, its params with numbers as numbers, and the params with a role under the
    name of the hyperparameter that has the same role. Texts that differ in every run, such as
    the name of a folder, are left out.
    """
    settings: dict[int, Params] = {}
    owners = experiments.by_ids(session, {row.experiment_id for row in rows})
    external = {owner.id: roles_of(session, owner) for owner in owners if owner.spec is None}
    for experiment_id, roles in external.items():
        own = [row for row in rows if row.experiment_id == experiment_id]
        typed = {row.id: roles.settings(row.params) for row in own}
        settings |= _without_names(typed)
    return settings | {row.id: row.params for row in rows if row.experiment_id not in external}


def _without_names(typed: Mapping[int, JsonObject]) -> dict[int, Params]:
    """Leave out texts that differ in every run."""
    if len(typed) < MIN_RUNS_TO_TELL:
        return dict(typed)
    values: dict[str, Counter[ParamValue]] = {}
    for params in typed.values():
        for path, value in params.items():
            values.setdefault(path, Counter())[value] += 1
    names = {
        path
        for path, counts in values.items()
        if len(counts) == len(typed) and all(isinstance(value, str) for value in counts)
    }
    return {
        run_id: {path: value for path, value in params.items() if path not in names}
        for run_id, params in typed.items()
    }

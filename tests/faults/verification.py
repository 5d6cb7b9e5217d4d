"""Checks after a fault: every run must end exactly as in an undisturbed training."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from backend.operations.doctor import examine
from backend.settings import Settings
from backend.store import Database, runs
from backend.store.schema import migrate
from tests.faults.deployment import Deployment
from tests.training import changed_epochs, curves, logged, make_services, submit
from worker.tasks import train

Curve = Mapping[str, tuple[list[int], list[float | None]]]


def train_undisturbed(document: Mapping[str, Any], folder: Path) -> list[Curve]:
    """Train the runs of a specification in this process without faults; return their curves."""
    settings = Settings(data_dir=folder, broker=f"unix://{folder / 'no-broker.sock'}")
    database = Database(settings.database_url)
    migrate(database)
    run_ids = submit(database, document)
    train(run_ids, make_services(settings, database))
    expected: list[Curve] = [curves(database, run_id) for run_id in run_ids]
    database.dispose()
    return expected


def get_run_ids(deployment: Deployment, experiment: int) -> list[int]:
    """Return the ids of an experiment's runs in the order of its grid."""

    def query() -> list[int]:
        with deployment.database.read() as session:
            return [run.id for run in runs.of_experiment(session, experiment)]

    run_ids: list[int] = deployment.query_with_retry(query)
    return run_ids


def compare_with_undisturbed(
    deployment: Deployment, experiment: int, expected: Sequence[Curve]
) -> int:
    """Compare the curves of an experiment with those of undisturbed training, to the bit.

    Return the number of compared epochs. Raises AssertionError when a run did not finish, or an
    epoch is missing, duplicated or different.
    """
    epochs = 0
    for run_id, expected_curve in zip(get_run_ids(deployment, experiment), expected, strict=True):
        with deployment.database.read() as session:
            run = runs.get(session, run_id)
        assert run.status == "finished", (run_id, run.status, run.error)
        assert run.lease_expires_at is None, run_id
        curve = curves(deployment.database, run_id)
        steps = list(range(1, run.epoch + 1))
        assert curve["train_loss"][0] == steps, f"epochs of run {run_id} are missing or doubled"
        assert changed_epochs(logged(deployment.database, run_id)) == steps, (
            f"the change log of run {run_id}"
        )
        assert curve == expected_curve, f"run {run_id} differs from undisturbed training"
        epochs += run.epoch
    return epochs


def find_problems(deployment: Deployment) -> list[str]:
    """Return the problems that `lab doctor` finds when it reads all data."""

    def query() -> list[str]:
        checks = examine(deployment.settings, everything=True)
        return [line for check in checks if check.outcome == "wrong" for line in check.sentences]

    problems: list[str] = deployment.query_with_retry(query)
    return problems

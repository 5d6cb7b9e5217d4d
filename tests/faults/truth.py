"""What must be true after a fault: every run ended as if nothing had happened."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from backend.operations.doctor import examine
from backend.settings import Settings
from backend.store import Database, runs
from backend.store.schema import migrate
from tests.faults.stand import Stand
from tests.training import covered, curves, logged, make_services, submit
from worker.trainer import train

Curve = Mapping[str, tuple[list[int], list[float | None]]]


def uninterrupted(document: Mapping[str, Any], folder: Path) -> list[Curve]:
    """Return the curves of a specification's runs, trained once, in this process, undisturbed."""
    settings = Settings(data_dir=folder, broker=f"unix://{folder / 'none.sock'}")
    database = Database(settings.database_url)
    migrate(database)
    run_ids = submit(database, document)
    train(run_ids, make_services(settings, database))
    found: list[Curve] = [curves(database, run_id) for run_id in run_ids]
    database.dispose()
    return found


def run_ids_of(stand: Stand, experiment: int) -> list[int]:
    """Return an experiment's runs in the order of its grid."""

    def ask() -> list[int]:
        with stand.database.read() as session:
            return [run.id for run in runs.of_experiment(session, experiment)]

    found: list[int] = stand.asked(ask)
    return found


def check(stand: Stand, experiment: int, expected: Sequence[Curve]) -> int:
    """Compare every run of an experiment with its undisturbed twin; return the epochs compared.

    Raises AssertionError when a run did not finish, or an epoch is missing, doubled or different.
    """
    epochs = 0
    for run_id, whole in zip(run_ids_of(stand, experiment), expected, strict=True):
        with stand.database.read() as session:
            run = runs.get(session, run_id)
        assert run.status == "finished", (run_id, run.status, run.error)
        assert run.lease_expires_at is None, run_id
        found = curves(stand.database, run_id)
        steps = list(range(1, run.epoch + 1))
        assert found["train_loss"][0] == steps, f"epochs of run {run_id} are missing or doubled"
        assert covered(logged(stand.database, run_id)) == steps, f"the stream of run {run_id}"
        assert found == whole, f"the curve of run {run_id} is not that of an undisturbed training"
        epochs += run.epoch
    return epochs


def wrong(stand: Stand) -> list[str]:
    """Return what `lab doctor` finds wrong in the data, everything read."""

    def ask() -> list[str]:
        checks = examine(stand.settings, everything=True)
        return [line for check in checks if check.outcome == "wrong" for line in check.said]

    found: list[str] = stand.asked(ask)
    return found

"""Training in the test process, for tests of the worker.

`make_services` returns the services that `worker.trainer.train` needs. `ActionAfterEpochs` runs an
action during training, and `train_with_kill` kills the worker and lets another one continue. The
other functions submit an experiment and read runs, curves and changes from the database.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backend.live.notifications import Notifier
from backend.runs import lifecycle
from backend.settings import Settings
from backend.specification import validate
from backend.store import Database, changes, experiments, metrics, runs
from backend.store.tables import Change, Run
from worker.services import Services, Shutdown
from worker.tasks import train
from worker.training.device import choose_device


class ActionAfterEpochs(Shutdown):
    """Calls `action` once during training, after a number of epochs of the first attempt."""

    def __init__(self, epochs: int, action: Callable[[Shutdown], object]) -> None:
        super().__init__()
        self._left, self._action = epochs, action

    @property
    def requested(self) -> bool:
        self._left -= 1
        if self._left == -1:
            self._action(self)
        return super().requested


class WorkerKilled(BaseException):
    """Ends a worker as SIGKILL does: it writes nothing more."""


def kill_worker(_: Shutdown) -> None:
    raise WorkerKilled


def train_with_kill(
    run_ids: Sequence[int], settings: Settings, database: Database, *, after: int
) -> None:
    """Train runs with a worker that is killed after some epochs, then with a second worker."""
    with pytest.raises(WorkerKilled):
        train(run_ids, make_services(settings, database, ActionAfterEpochs(after, kill_worker)))
    with database.write() as session:
        expire(session)
    train(run_ids, make_services(settings, database))


def make_services(
    settings: Settings, database: Database, shutdown: Shutdown | None = None
) -> Services:
    """Return the services that training needs, on a database and the broker of the settings."""
    return Services(
        settings=settings,
        database=database,
        notifier=Notifier(settings.broker_url),
        device=choose_device(),
        shutdown=shutdown or Shutdown(),
    )


def submit(database: Database, document: Mapping[str, Any]) -> list[int]:
    """Store an experiment; return its run ids."""
    with database.write() as session:
        return experiments.create_experiment(session, validate(document))[1]


def get_run(database: Database, run_id: int) -> Run:
    """Return the stored state of a run."""
    with database.read() as session:
        return runs.get(session, run_id)


def curves(database: Database, run_id: int) -> dict[str, tuple[list[int], list[float | None]]]:
    """Return the steps and values of every metric of a run, by metric."""
    with database.read() as session:
        curves = metrics.series(session, run_id)
    return {
        key: (series.steps.tolist(), [None if x != x else x for x in series.values.tolist()])
        for key, series in curves.items()
    }


def logged(database: Database, run_id: int) -> list[Change]:
    """Return the changes of a run, in order."""
    with database.read() as session:
        experiment_id = session.scalars(select(Run.experiment_id).where(Run.id == run_id)).one()
        return list(changes.changes_since(session, 0, experiment_id=experiment_id, run_id=run_id))


def changed_epochs(entries: list[Change]) -> list[int]:
    """Return the epochs that metric changes cover, in order, with repetitions."""
    return [
        step
        for entry in entries
        if entry.kind == "metric"
        for step in range(entry.first_step or 0, (entry.last_step or 0) + 1)
    ]


def logged_epochs(database: Database, run_id: int) -> list[int]:
    """Return the epochs that the changes of a run cover, in order, with repetitions."""
    return changed_epochs(logged(database, run_id))


def expire(session: Session) -> None:
    """Let all leases expire, and reap the runs as the scheduler does."""
    session.execute(update(Run).values(lease_expires_at=0))
    lifecycle.reap(session)

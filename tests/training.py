"""What tests of the worker share: training in this process, with something happening meanwhile."""

from collections.abc import Callable, Mapping
from typing import Any

from backend.hints import Hints
from backend.settings import Settings
from backend.spec import validate
from backend.store import Database, experiments, metrics, runs
from backend.store.tables import Run
from worker.stopping import Stopping
from worker.trainer import Services
from worker.training.group import choose_device


class Meanwhile(Stopping):
    """Calls `action` before one round of training: after that many epochs of the first attempt."""

    def __init__(self, epochs: int, action: Callable[[Stopping], object]) -> None:
        super().__init__()
        self._left, self._action = epochs, action

    @property
    def asked(self) -> bool:
        self._left -= 1
        if self._left == -1:
            self._action(self)
        return super().asked


class Killed(BaseException):
    """Ends a worker as SIGKILL does: nothing is written any more."""


def killed(_: Stopping) -> None:
    raise Killed


def make_services(
    settings: Settings, database: Database, stopping: Stopping | None = None
) -> Services:
    """Return what training needs, on a database and the settings' broker."""
    return Services(
        settings=settings,
        database=database,
        hints=Hints(settings.broker_url),
        device=choose_device(),
        stopping=stopping or Stopping(),
    )


def submit(database: Database, document: Mapping[str, Any]) -> list[int]:
    """Store an experiment; return its run ids."""
    with database.write() as session:
        return experiments.create(session, validate(document))[1]


def get_run(database: Database, run_id: int) -> Run:
    """Return a run as it now is in the database."""
    with database.read() as session:
        return runs.get(session, run_id)


def curves(database: Database, run_id: int) -> dict[str, tuple[list[int], list[float | None]]]:
    """Return steps and values of every metric of a run."""
    with database.read() as session:
        found = metrics.series(session, run_id)
    return {key: (series.steps, series.values) for key, series in found.items()}

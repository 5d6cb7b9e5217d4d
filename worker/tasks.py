"""The task, and what happens when a worker starts and stops."""

import gc
import logging
from typing import Any

from celery import Celery
from celery.signals import worker_init, worker_shutting_down

from backend.hints import Hints
from backend.queue import TRAIN
from backend.settings import Settings
from backend.spec import validate
from backend.store import Database, experiments
from worker.services import Services
from worker.stopping import Stopping
from worker.trainer import train
from worker.training.group import Group, choose_device

logger = logging.getLogger(__name__)


def register(app: Celery, settings: Settings) -> None:
    """Add the training task to the app. Opens nothing: connections are made when first used."""
    services = Services(
        settings=settings,
        database=Database(settings.database_url),
        hints=Hints(settings.broker_url),
        device=choose_device(),
        stopping=Stopping(),
    )

    @app.task(name=TRAIN)  # type: ignore[untyped-decorator]
    def _train(run_ids: list[int]) -> None:
        train(run_ids, services)

    # weak=False: nothing else keeps these alive
    @worker_init.connect(weak=False)  # type: ignore[untyped-decorator]
    def _start(**_: Any) -> None:
        logger.info("training on %s", services.device)
        warm_up(services)

    @worker_shutting_down.connect(weak=False)  # type: ignore[untyped-decorator]
    def _stop(**_: Any) -> None:
        services.stopping.ask()


def warm_up(services: Services) -> None:
    """Do once, before the first task, what is slow the first time."""
    documents: list[dict[str, Any]] = [
        {"dataset": {"source": ["moons", "iris", "digits"]}, "model": {"depth": 1}},
        {"dataset": {"source": "points"}, "training": {"optimizer": ["sgd", "adam", "adamw"]}},
    ]
    specs = [spec for document in documents for spec in validate(document).runs]
    group = Group(specs, services.device)
    group.epoch()
    for index in group.active:
        group.snapshots(index)
    with services.database.read() as session:
        experiments.page(session, limit=1)
    # What is loaded stays. To scan it for garbage would halt training for 0.3 s each time, and to
    # collect it at exit takes a second.
    gc.freeze()

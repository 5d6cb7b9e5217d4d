"""The task, and what happens when a worker starts and stops."""

import gc
import logging
import os
import platform
from datetime import UTC, datetime
from typing import Any

import torch
from celery import Celery
from celery.signals import (
    setup_logging,
    worker_init,
    worker_ready,
    worker_shutdown,
    worker_shutting_down,
)

from backend.hints import Hints
from backend.presence import Announcer
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
    @setup_logging.connect(weak=False)  # type: ignore[untyped-decorator]
    def _log(**_: Any) -> None:
        """Keep Celery from setting up logs of its own: worker.app has done so."""

    @worker_init.connect(weak=False)  # type: ignore[untyped-decorator]
    def _start(**_: Any) -> None:
        logger.info("training on %s", services.device)
        warm_up(services)

    announcer = _announcer(services)

    @worker_ready.connect(weak=False)  # type: ignore[untyped-decorator]
    def _there(**_: Any) -> None:
        announcer.start()

    @worker_shutdown.connect(weak=False)  # type: ignore[untyped-decorator]
    def _gone(**_: Any) -> None:
        if announcer.is_alive():
            announcer.stop()

    @worker_shutting_down.connect(weak=False)  # type: ignore[untyped-decorator]
    def _stop(**_: Any) -> None:
        services.stopping.ask()


def _announcer(services: Services) -> Announcer:
    """Return what tells the web service that this worker is there, and what it trains on."""
    lasting = {
        "device": describe(services.device),
        "torch": torch.__version__,
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }

    def facts() -> dict[str, Any]:
        counted = {"epochs": services.tally.epochs, "hints_lost": services.hints.lost}
        return {**lasting, **counted}

    return Announcer(services.settings.broker_url, name(), facts)


def name() -> str:
    """Return this process's name among all workers."""
    return f"{platform.node()}-{os.getpid()}"


def describe(device: torch.device) -> str:
    """Name a device as people do."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} thread"


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

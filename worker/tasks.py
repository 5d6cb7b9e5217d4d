"""The task, and what happens when a worker starts and stops."""

import gc
import logging
import os
import socket
import threading
from collections.abc import Callable
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

from backend.live.notifications import Notifier
from backend.scheduling.dispatcher import TRAIN, consume_queues
from backend.scheduling.worker_registry import StatusPublisher, Worker
from backend.settings import Settings
from backend.specification import validate
from backend.store import UNREACHABLE, Database, experiments, reason
from worker.services import Services
from worker.stopping import Stopping
from worker.trainer import train
from worker.training import raw_samples
from worker.training.device import available_bytes, device_kind, find_device, hardware_name
from worker.training.group import Group

logger = logging.getLogger(__name__)

LONGEST_WRITE_SECONDS = 120.0  # a full backlog took a quarter of that on a busy machine


def register(app: Celery, settings: Settings) -> None:
    """Add the training task to the app. Opens nothing: connections are made when first used.

    Raises Unavailable where the device that the settings name is missing.
    """
    services = Services(
        settings=settings,
        # one: recorder and heartbeat take turns, and a thousand workers need no more
        database=Database(
            settings.database_url, connections=1, transaction_seconds=LONGEST_WRITE_SECONDS
        ),
        notifier=Notifier(settings.broker_url),
        device=find_device(settings.device),
        stopping=Stopping(),
    )
    consume_queues(app, device_kind(services.device))

    @app.task(name=TRAIN)  # type: ignore[untyped-decorator]
    def _train(run_ids: list[int]) -> None:
        train(run_ids, services)

    _follow(services)


def _follow(services: Services) -> None:
    """Do what belongs to the worker's life: get ready, say that it is there, and stop."""
    publisher = StatusPublisher(services.settings.broker_url, facts(services))

    def quiet(**_: Any) -> None:
        """Keep Celery from setting up logs of its own: worker.app has done so."""

    def start(**_: Any) -> None:
        logger.info("training on %s", services.device)
        warm_up(services)

    def there(**_: Any) -> None:
        publisher.start()
        # beside the first training, which most often needs none of it
        threading.Thread(target=_load_the_rest, name="loading", daemon=True).start()

    def gone(**_: Any) -> None:
        if publisher.is_alive():
            publisher.stop()

    def stop(**_: Any) -> None:
        services.stopping.ask()

    for signal, receiver in (
        (setup_logging, quiet),
        (worker_init, start),
        (worker_ready, there),
        (worker_shutdown, gone),
        (worker_shutting_down, stop),
    ):
        signal.connect(receiver, weak=False)  # nothing else keeps these alive


def name() -> str:
    """Return this process's name among all workers."""
    return f"{socket.gethostname()}:{os.getpid()}"


def facts(services: Services) -> Callable[[], Worker]:
    """Return what tells what this worker is, and what it is doing."""
    device, started_at = services.device, datetime.now(UTC)

    def now() -> Worker:
        return Worker(
            name=name(),
            host=socket.gethostname(),
            pid=os.getpid(),
            device=device_kind(device),
            hardware=hardware_name(device),
            memory=available_bytes(device, setting=services.settings.memory << 20) >> 20,
            torch=torch.__version__,
            started_at=started_at,
            runs=services.activity.runs,
            epochs=services.activity.epochs,
            epochs_per_second=services.activity.epochs_per_second,
            last_epoch_at=services.activity.last_epoch_at,
            hints_lost=services.notifier.lost,
        )

    return now


def warm_up(services: Services) -> None:
    """Do once, before the first task, what is slow the first time."""
    documents: list[dict[str, Any]] = [
        {"dataset": {"source": "moons"}, "model": {"depth": 1}},
        {"dataset": {"source": "points"}, "training": {"optimizer": ["sgd", "adam", "adamw"]}},
    ]
    specs = [spec for document in documents for spec in validate(document).runs]
    group = Group(specs, services.device)
    group.epoch()
    for index in group.active:
        group.snapshots(index)
    try:
        with services.database.read() as session:
            experiments.page(session, limit=1)
    except UNREACHABLE as error:
        logger.warning("the database does not answer yet: %s", reason(error))
    _keep_what_is_loaded()


def _load_the_rest() -> None:
    raw_samples.preload_sklearn()
    _keep_what_is_loaded()


def _keep_what_is_loaded() -> None:
    """Leave it out of the search for garbage.

    That would halt training for 0.3 s each time, and take a second at exit.
    """
    gc.freeze()

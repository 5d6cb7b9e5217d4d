"""The Celery task that trains, and the handlers that run when a worker starts and stops."""

import gc
import logging
import os
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime

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
from backend.specification.params import JsonObject
from backend.store import UNREACHABLE, Database, experiments, reason
from worker.services import Services, Shutdown
from worker.training import raw_samples
from worker.training.device import available_bytes, device_kind, find_device, hardware_name
from worker.training.group import Group
from worker.training_task import train

logger = logging.getLogger(__name__)

LONGEST_WRITE_SECONDS = 120.0  # writing a full backlog took 30 s on a busy machine


def register(app: Celery, settings: Settings) -> None:
    """Add the training task to the app. Connections are made when they are first used.

    Raises Unavailable if the device in the settings is missing.
    """
    services = Services(
        settings=settings,
        # one connection: recorder and heartbeat take turns, also with a thousand workers
        database=Database(
            settings.database_url, connections=1, transaction_seconds=LONGEST_WRITE_SECONDS
        ),
        notifier=Notifier(settings.broker_url),
        device=find_device(settings.device),
        shutdown=Shutdown(),
    )
    consume_queues(app, device_kind(services.device))

    @app.task(name=TRAIN)  # type: ignore[untyped-decorator]
    def _train(run_ids: list[int]) -> None:
        train(run_ids, services)

    _connect_signals(services)


def _connect_signals(services: Services) -> None:
    """Connect handlers to Celery's signals of a worker: logging, start, readiness and stop."""
    publisher = StatusPublisher(services.settings.broker_url, facts(services))

    def start(**_: object) -> None:
        logger.info("training on %s", services.device)
        warm_up(services)

    def ready(**_: object) -> None:
        publisher.start()
        # in parallel to the first training, which seldom needs these libraries
        threading.Thread(target=_load_libraries, name="loading", daemon=True).start()

    def shut_down(**_: object) -> None:
        if publisher.is_alive():
            publisher.stop()

    def request_shutdown(**_: object) -> None:
        services.shutdown.request()

    for signal, receiver in (
        (setup_logging, _leave_logging),
        (worker_init, start),
        (worker_ready, ready),
        (worker_shutdown, shut_down),
        (worker_shutting_down, request_shutdown),
    ):
        signal.connect(receiver, weak=False)  # Celery's weak references would not keep these alive


def _leave_logging(**_: object) -> None:
    """Keep Celery from configuring logging, which worker.app has done already."""


def name() -> str:
    """Return the name of this process, which is unique among all workers."""
    return f"{socket.gethostname()}:{os.getpid()}"


def facts(services: Services) -> Callable[[], Worker]:
    """Return a function that describes this worker and its current activity."""
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
    """Do everything that is slow the first time, before the first task."""
    documents: list[JsonObject] = [
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
        logger.warning("the database is still unreachable: %s", reason(error))
    _freeze_loaded()


def _load_libraries() -> None:
    raw_samples.preload_sklearn()
    _freeze_loaded()


def _freeze_loaded() -> None:
    """Exclude loaded modules from garbage collection.

    Each collection would otherwise halt training for 0.3 s, and the last one would delay exit by a
    second.
    """
    gc.freeze()

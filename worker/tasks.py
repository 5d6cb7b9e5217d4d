"""The Celery task that trains, and the handlers that run when a worker starts and stops.

The task trains the runs of one message, split to fit into memory.
"""

import gc
import logging
import math
import os
import socket
import threading
from collections.abc import Callable, Sequence
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
from sqlalchemy.exc import SQLAlchemyError

from backend.live.notifications import Notifier
from backend.own_data.sources import install
from backend.scheduling.dispatcher import TRAIN, consume_queues
from backend.scheduling.worker_registry import StatusPublisher, Worker
from backend.settings import Settings
from backend.specification import RunSpec, estimates, validate
from backend.specification.params import JsonObject
from backend.store import UNREACHABLE, Database, experiments, reason
from backend.store.transitions import Claimed, Lease
from worker.leases import Heartbeat, claim, resume
from worker.reconnect import retry_while_unreachable
from worker.services import Services, Shutdown
from worker.trainer import Trainer, failure_sentence, log_fields
from worker.training import raw_samples
from worker.training.device import (
    available_bytes,
    device_kind,
    find_device,
    hardware_name,
    is_out_of_memory,
    release,
)
from worker.training.group import Group

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
            settings.database_url,
            connections=1,
            transaction_seconds=LONGEST_WRITE_SECONDS,
            in_service=True,
        ),
        notifier=Notifier(settings.broker_url),
        device=find_device(settings.device),
        shutdown=Shutdown(),
    )
    install(settings, services.database)
    consume_queues(app, device_kind(services.device))

    @app.task(name=TRAIN)  # type: ignore[untyped-decorator]
    def _train(run_ids: list[int]) -> None:
        train(run_ids, services)

    _connect_signals(services)
    app.finalize()
    for builtin in [name for name in app.tasks if name.startswith("celery.")]:
        app.tasks.unregister(builtin)  # a message must not be able to start them


def train(run_ids: Sequence[int], services: Services) -> None:
    """Claim the queued runs among `run_ids` and train them until they end or the worker stops.

    As many runs are trained together as fit into memory. If memory still runs out, the group is
    halved.
    """
    claimed = retry_while_unreachable(lambda: claim(services, run_ids), services.shutdown)
    leases = {run.lease.run_id: run.lease for run in claimed}
    heartbeat = Heartbeat(
        services.database,
        lambda: list(leases.values()),
        lease_seconds=services.settings.lease_seconds,
    )

    def interrupted() -> bool:
        return services.shutdown.overdue or heartbeat.useless

    if claimed:
        logger.info("training begins", extra=log_fields(leases.values()))
    groups = _fitting(claimed, services)[::-1]
    with heartbeat, services.activity.training(lambda: len(leases)):
        while groups:
            remaining = _train_group(groups.pop(), services, leases, interrupted)
            half = math.ceil(len(remaining) / 2)
            groups += [group for group in (remaining[half:], remaining[:half]) if group]
    release(services.device)


def _fitting(claimed: Sequence[Claimed], services: Services) -> list[Sequence[Claimed]]:
    """Split claimed runs into groups that are expected to fit into memory."""
    available = available_bytes(services.device, setting=services.settings.memory << 20)
    specs = [RunSpec.from_params(run.params) for run in claimed]
    sizes = [estimates.estimated_bytes(spec) for spec in specs]
    return [claimed[start:stop] for start, stop in estimates.chunks_within(sizes, available)]


def _train_group(
    claimed: Sequence[Claimed],
    services: Services,
    leases: dict[int, Lease],
    interrupted: Callable[[], bool],
) -> Sequence[Claimed]:
    """Train runs together. If memory runs out, return the runs to train in halves."""
    resumed = retry_while_unreachable(lambda: resume(services.database, claimed), services.shutdown)
    jobs = dict(enumerate(resumed))
    trainer = Trainer(services, jobs, leases)
    try:
        trainer.run(interrupted)
        return []
    except SQLAlchemyError:
        raise  # not the runs' fault: their leases expire, and another worker takes them
    except Exception as error:
        if not is_out_of_memory(error):
            logger.exception("runs could not be trained", extra=log_fields(leases.values()))
            trainer.fail(failure_sentence(error))
            return []
    # outside of the handler, because the error's traceback keeps the group alive
    trainer.release_group()
    if len(claimed) == 1:
        trainer.fail(estimates.not_enough_memory(RunSpec.from_params(claimed[0].params)))
        return []
    fields = log_fields(run.lease for run in claimed)
    logger.warning("memory ran out; trying with half of the runs at a time", extra=fields)
    trainer.flush()
    return [claimed[index] for index in jobs]


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

"""Dispatcher: sends groups of queued runs to the workers through Celery.

A message carries only the run ids of a group. It may arrive twice, late or never: the database
decides which worker trains a run (`backend.store.transitions`) and which group is sent next
(`backend.store.dispatch`), and `backend.scheduling.scheduler` dispatches again every second.

Each device that an experiment may request ("any", "cpu", "gpu") has its own Celery queue. Within a
queue, the broker delivers messages of higher priority first.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from celery import Celery
from kombu.connection import Connection
from kombu.entity import Queue as BrokerQueue
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from backend.scheduling import worker_registry
from backend.settings import Settings
from backend.specification import RunSpec
from backend.specification.grouping import group_runs
from backend.specification.placement import DEVICES, PLACEMENTS, PRIORITIES, Placement
from backend.store import UNREACHABLE, Database, dispatch, reason
from backend.store.dispatch import Ungrouped

logger = logging.getLogger(__name__)

TRAIN = "overfit_lab.train"
MESSAGES_PER_WORKER = 1  # queued in the broker: workers stay busy, new experiments start soon
RESEND_WHEN_EMPTY_SECONDS = 5.0  # an empty broker queue after this long means a lost message
RESEND_ALWAYS_SECONDS = 600.0  # resend even if the broker queue still holds messages


def queue_name(device: str) -> str:
    """Return the name of the Celery queue for experiments that request `device`."""
    return f"train.{device}"


def make_celery(settings: Settings) -> Celery:
    """Return the Celery app shared by web and workers: JSON only, no results, late acks."""
    app = Celery("overfit_lab", broker=settings.broker_url.replace("unix://", "redis+socket://", 1))
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_default_queue=queue_name("any"),
        worker_prefetch_multiplier=1,
        worker_concurrency=1,
        worker_enable_remote_control=False,  # nothing uses it, and it can stop workers
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # retry forever: a worker is useless without a broker
        # A task may take hours. Lost workers are detected by their leases, not by this timeout.
        # Without max_retries, an unreachable broker blocks every sender for six seconds.
        broker_transport_options={
            "visibility_timeout": 24 * 3600,
            "socket_timeout": 5,
            "max_retries": 0,
            "priority_steps": list(range(len(PRIORITIES))),
        },
        task_publish_retry=False,
    )
    return app


def consume_queues(app: Celery, device: str) -> None:
    """Let a worker on `device`, "cpu" or "gpu", consume only the queues it may train from."""
    app.conf.task_queues = [
        BrokerQueue(queue_name(requested))  # type: ignore[no-untyped-call]
        for requested in DEVICES
        if Placement(requested).fits(device)
    ]


def _broker_priority(placement: Placement) -> int:
    """Return the priority as the broker counts it: 0 is the most urgent."""
    return len(PRIORITIES) - 1 - placement.rank


@dataclass(frozen=True)
class BrokerState:
    """Content of the broker: queued messages per placement, and the registered workers."""

    messages: Mapping[Placement, int]
    workers: Sequence[worker_registry.Worker]

    def waiting(self, placement: Placement) -> int:
        """Return how many queued messages are delivered before a new one of this placement."""
        return sum(
            count
            for queued, count in self.messages.items()
            if queued.device == placement.device and queued.rank >= placement.rank
        )

    def workers_for(self, device: str) -> int:
        """Return how many workers may train experiments that request `device`."""
        return sum(Placement(device).fits(worker.device) for worker in self.workers)


def _content(channel: Any) -> BrokerState:
    """Return what a channel of the broker holds. Raises OperationalError, OSError, RedisError."""
    with channel.client.pipeline(transaction=False) as pipe:
        for placement in PLACEMENTS:
            queue, priority = queue_name(placement.device), _broker_priority(placement)
            pipe.llen(channel._q_for_pri(queue, priority))
        counts = pipe.execute()
    workers = worker_registry.read_workers(channel.client)
    return BrokerState(dict(zip(PLACEMENTS, counts, strict=True)), workers)


class Dispatcher:
    """Sends queued runs to the workers, a few messages at a time."""

    def __init__(self, app: Celery, database: Database, *, workers: int, memory: int) -> None:
        self._app, self._database = app, database
        self._workers, self._memory = max(1, workers), memory
        self._lock = threading.Lock()  # a request and the scheduler must not send a group twice
        self.last_state: BrokerState | None = None  # when the broker last answered
        self.broker_unreachable = False
        # Kept between two looks, of which there is one each second: connecting costs most of it.
        self._connection: Connection | None = None

    def dispatch(self) -> None:
        """Send queued runs while the broker holds few messages.

        Higher priorities go first. Within a priority, the first groups of every experiment go
        before the later groups of any. Groups that cannot be sent now are not lost: the scheduler
        dispatches again every second.
        """
        with self._lock:
            broker = self.inspect_broker()
            with self._database.read() as session:
                placements = dispatch.placements(session)
            if placements:
                self._form_groups(broker)
            if broker is not None:
                for placement in placements:
                    self._send(placement, broker)
            elif not self.broker_unreachable:  # log once per outage
                logger.warning("message broker unreachable; runs stay queued")
            self.broker_unreachable = broker is None
            self.last_state = broker or self.last_state

    def dispatch_now(self) -> None:
        """Dispatch at the end of a request, unless the broker is known to be unreachable.

        Never raises for an outage: the request's runs are stored, and the scheduler dispatches
        them within about a second after broker and database are back.
        """
        if not self.broker_unreachable:
            try:
                self.dispatch()
            except UNREACHABLE as error:
                logger.warning("dispatch postponed: %s", reason(error))

    def inspect_broker(self) -> BrokerState | None:
        """Return the content of the broker, or None if it is unreachable."""
        kept, self._connection = self._connection, None
        for connection in (kept, self._app.connection_for_read()):
            if connection is None:
                continue
            try:
                state = _content(connection.default_channel)
            except (OperationalError, OSError, RedisError):
                connection.release()  # a broker that was restarted has closed it
                continue
            self._connection = connection
            return state
        return None

    def broker_answers(self) -> bool:
        """Return whether the broker is reachable."""
        return self.inspect_broker() is not None

    def _expected_workers(self, broker: BrokerState | None, device: str) -> int:
        """Return the number of registered workers, at least the configured number."""
        return max(self._workers, broker.workers_for(device) if broker else 0)

    def _form_groups(self, broker: BrokerState | None) -> None:
        """Divide the runs of new experiments into groups."""
        with self._database.read() as session:
            experiments = dispatch.ungrouped(session)
        for experiment in experiments:
            workers = self._expected_workers(broker, experiment.device)
            groups = [
                [experiment.runs[index][0] for index in group]
                for group in self._groups_of(experiment, workers)
            ]
            with self._database.write() as session:
                dispatch.set_groups(session, groups)

    def _groups_of(self, experiment: Ungrouped, workers: int) -> list[list[int]]:
        """Return the groups as indices of runs. If grouping fails, each run is its own group."""
        try:
            specs = [RunSpec.from_params(params) for _, params in experiment.runs]
            return group_runs(specs, workers=workers, memory=self._memory)
        except Exception:
            ids = {"experiment": experiment.experiment_id}
            logger.exception("could not divide an experiment into groups", extra=ids)
            return [[index] for index in range(len(experiment.runs))]

    def _send(self, placement: Placement, broker: BrokerState) -> None:
        """Send groups of a placement until the broker holds enough messages."""
        wanted = MESSAGES_PER_WORKER * self._expected_workers(broker, placement.device)
        missing = wanted - broker.waiting(placement)
        if missing <= 0:
            return
        is_empty = not broker.messages[placement]
        resend_after = RESEND_WHEN_EMPTY_SECONDS if is_empty else RESEND_ALWAYS_SECONDS
        with self._database.read() as session:
            groups = dispatch.next_groups(
                session, placement, missing, sent_before_seconds=resend_after
            )
        queue, priority = queue_name(placement.device), _broker_priority(placement)
        sent: list[int] = []
        try:
            for run_ids in groups:
                self._app.send_task(TRAIN, args=[run_ids], queue=queue, priority=priority)
                sent += run_ids
        except (OperationalError, RedisError) as error:  # RedisError: its disk is full
            logger.warning("could not send all queued groups: %s", error)
        if sent:
            with self._database.write() as session:
                dispatch.mark_sent(session, sent)

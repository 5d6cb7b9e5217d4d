"""The queue: a Celery app, the one task's name, and sending after the commit.

A message carries the ids of a group of runs and nothing else. It may arrive twice, late or never:
the database decides who trains what (`backend.store.transitions`) and what is sent next
(`backend.store.dispatch`), and `backend.scheduling.scheduler` sends again what waits.

There is a queue for each device that an experiment may name, "any" being one of them; within a
queue, the broker hands out the more urgent first.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from celery import Celery
from kombu.entity import Queue as BrokerQueue
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from backend.scheduling import worker_registry
from backend.settings import Settings
from backend.specification.grouping import cut
from backend.specification.placement import DEVICES, PLACEMENTS, PRIORITIES, Placement
from backend.store import UNREACHABLE, Database, dispatch, reason

logger = logging.getLogger(__name__)

TRAIN = "overfit_lab.train"
MESSAGES_PER_WORKER = 1  # wait in the broker: no worker idles, and what is new soon has its turn
RESEND_SECONDS = 5.0  # after these, what an empty broker does not speak of was lost
LATE_SECONDS = 600.0  # after these, what was sent is sent again at any rate


def queue_name(device: str) -> str:
    """Return the name of the queue of those experiments that name a device."""
    return f"train.{device}"


def make_celery(settings: Settings) -> Celery:
    """Return the Celery app that web and worker share: JSON only, no results, late acks."""
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
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # for ever: a worker is of no use without
        # A task may take hours. Work lost with a worker is found by its lease, not by this.
        # Without max_retries an absent broker holds up every sender for six seconds.
        broker_transport_options={
            "visibility_timeout": 24 * 3600,
            "socket_timeout": 5,
            "max_retries": 0,
            "priority_steps": list(range(len(PRIORITIES))),
        },
        task_publish_retry=False,
    )
    return app


def listen(app: Celery, device: str) -> None:
    """Have a worker on a device, "cpu" or "gpu", take what it may train and nothing else."""
    wanted = [each for each in DEVICES if Placement(each).fits(device)]
    app.conf.task_queues = [
        BrokerQueue(queue_name(each))  # type: ignore[no-untyped-call]
        for each in wanted
    ]


def _steps(placement: Placement) -> int:
    """Return a priority as the broker counts it: 0 is the most urgent."""
    return len(PRIORITIES) - 1 - placement.rank


@dataclass(frozen=True)
class BrokerState:
    """What the broker holds: how many messages wait of each placement, and who is there."""

    messages: Mapping[Placement, int]
    workers: Sequence[worker_registry.Worker]

    def waiting(self, placement: Placement) -> int:
        """Return how many messages a worker takes before a new one of this placement."""
        return sum(
            count
            for each, count in self.messages.items()
            if each.device == placement.device and each.rank >= placement.rank
        )

    def able(self, device: str) -> int:
        """Return how many workers may train what names this device."""
        return sum(Placement(device).fits(worker.device) for worker in self.workers)


class Dispatcher:
    """Hands waiting runs to the workers, a few messages at a time."""

    def __init__(self, app: Celery, database: Database, *, workers: int, memory: int) -> None:
        self._app, self._database = app, database
        self._workers, self._memory = max(1, workers), memory
        self._filling = threading.Lock()  # request and keeper do not send the same twice
        self.seen: BrokerState | None = None  # at the last filling at which the broker answered
        self.away = False

    def fill(self) -> None:
        """Send what waits in the database, if few messages wait in the broker.

        What is urgent does not wait for what is less so. Among its like, an experiment's first
        groups go before the later ones of others, whoever came first. What cannot be sent now is
        not lost: the keeper fills again each second.
        """
        with self._filling:
            broker = self.look()
            self._cut(broker)
            if broker is not None:
                with self._database.read() as session:
                    placements = dispatch.placements(session)
                for placement in placements:
                    self._send(placement, broker)
            elif not self.away:  # once
                logger.warning("the broker cannot be reached; runs wait")
            self.away, self.seen = broker is None, broker or self.seen

    def offer(self) -> None:
        """Send what waits unless the broker is known to be away: a request need not wait for it.

        What the request asked for is stored already, so that nothing here may fail it: the keeper
        sends what waits within a second or so of the return of broker and database.
        """
        if not self.away:
            try:
                self.fill()
            except UNREACHABLE as error:
                logger.warning("what waits is sent later: %s", reason(error))

    def look(self) -> BrokerState | None:
        """Return what the broker holds; None when it is away."""
        try:
            with self._app.connection_for_read() as connection:
                channel = connection.default_channel
                keys = [channel._q_for_pri(queue_name(e.device), _steps(e)) for e in PLACEMENTS]
                with channel.client.pipeline(transaction=False) as pipe:
                    for key in keys:
                        pipe.llen(key)
                    counts = pipe.execute()
                workers = worker_registry.read(channel.client)
        except (OperationalError, OSError, RedisError):
            return None
        return BrokerState(dict(zip(PLACEMENTS, counts, strict=True)), workers)

    def answers(self) -> bool:
        """Whether the broker can be reached."""
        return self.look() is not None

    def _expected(self, broker: BrokerState | None, device: str) -> int:
        """Return how many workers to reckon with: those there, or those that are to be started."""
        return max(self._workers, broker.able(device) if broker else 0)

    def _cut(self, broker: BrokerState | None) -> None:
        """Cut new experiments into groups."""
        with self._database.read() as session:
            found = dispatch.uncut(session)
        for each in found:
            workers = self._expected(broker, each.device)
            groups = self._groups(each, workers)
            portions = [[each.runs[place][0] for place in group] for group in groups]
            with self._database.write() as session:
                dispatch.set_portions(session, portions)

    def _groups(self, uncut: dispatch.Uncut, workers: int) -> list[list[int]]:
        """Cut an experiment; one that cannot be cut is sent run by run and holds up no other."""
        params = [each for _, each in uncut.runs]
        try:
            return cut(params, workers=workers, memory=self._memory)
        except Exception:
            ids = {"experiment": uncut.experiment_id}
            logger.exception("an experiment could not be cut", extra=ids)
            return [[index] for index in range(len(params))]

    def _send(self, placement: Placement, broker: BrokerState) -> None:
        """Send groups of a placement, as many as there is room for."""
        most = MESSAGES_PER_WORKER * self._expected(broker, placement.device)
        room = most - broker.waiting(placement)
        if room <= 0:
            return
        again = LATE_SECONDS if broker.messages[placement] else RESEND_SECONDS
        with self._database.read() as session:
            groups = dispatch.next_groups(session, placement, room, sent_before_seconds=again)
        queue, priority = queue_name(placement.device), _steps(placement)
        sent: list[int] = []
        try:
            for run_ids in groups:
                self._app.send_task(TRAIN, args=[run_ids], queue=queue, priority=priority)
                sent += run_ids
        except (OperationalError, RedisError) as error:  # a full disk is told as the latter
            logger.warning("could not send all that waits: %s", error)
        if sent:
            with self._database.write() as session:
                dispatch.mark_sent(session, sent)

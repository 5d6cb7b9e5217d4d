"""The queue: a Celery app, the one task's name, and sending after the commit.

A message carries the ids of a group of runs and nothing else. It may arrive twice, late or never:
the database decides who trains what (`backend.store.transitions`) and what is sent next
(`backend.store.waiting`), and `backend.keeper` sends again what waits.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from backend.settings import Settings
from backend.spec.grouping import cut
from backend.store import Database, waiting

logger = logging.getLogger(__name__)

TRAIN = "overfit_lab.train"
QUEUE = "train"
MESSAGES_PER_WORKER = 1  # wait in the broker: no worker idles, and what is new soon has its turn
RESEND_SECONDS = 5.0  # after these, what an empty broker does not speak of was lost
LATE_SECONDS = 600.0  # after these, what was sent is sent again at any rate


def make_celery(settings: Settings) -> Celery:
    """Return the Celery app that web and worker share: JSON only, no results, late acks."""
    app = Celery("overfit_lab", broker=settings.broker_url.replace("unix://", "redis+socket://", 1))
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_default_queue=QUEUE,
        worker_prefetch_multiplier=1,
        worker_concurrency=1,
        broker_connection_retry_on_startup=True,
        # A task may take hours. Work lost with a worker is found by its lease, not by this.
        # Without max_retries an absent broker holds up every sender for six seconds.
        broker_transport_options={
            "visibility_timeout": 24 * 3600,
            "socket_timeout": 5,
            "max_retries": 0,
        },
        task_publish_retry=False,
    )
    return app


class Queue:
    """Hands waiting runs to the workers, a few messages at a time."""

    def __init__(self, app: Celery, database: Database, *, workers: int, memory: int) -> None:
        self._app, self._database = app, database
        self._workers, self._memory = max(1, workers), memory
        self._filling = threading.Lock()  # request and keeper do not send the same twice
        self._away = False

    def fill(self) -> None:
        """Send what waits in the database, if few messages wait in the broker.

        An experiment's first groups go before the later ones of others, whoever came first. What
        cannot be sent now is not lost: the keeper fills again each second.
        """
        with self._filling:
            self._cut()
            messages = self.messages()
            if messages is not None:
                again = LATE_SECONDS if messages else RESEND_SECONDS
                self._send(MESSAGES_PER_WORKER * self._workers - messages, again)
            elif not self._away:  # once
                logger.warning("the broker cannot be reached; runs wait")
            self._away = messages is None

    def _cut(self) -> None:
        """Cut new experiments into groups."""
        with self._database.read() as session:
            found = waiting.uncut(session)
        for runs in found.values():
            groups = self._groups([params for _, params in runs])
            with self._database.write() as session:
                waiting.set_portions(session, [[runs[i][0] for i in group] for group in groups])

    def _groups(self, params: Sequence[Mapping[str, Any]]) -> list[list[int]]:
        """Cut an experiment; one that cannot be cut is sent run by run and holds up no other."""
        try:
            return cut(params, workers=self._workers, memory=self._memory)
        except Exception:
            logger.exception("an experiment of %d runs could not be cut", len(params))
            return [[index] for index in range(len(params))]

    def _send(self, room: int, sent_before_seconds: float) -> None:
        if room <= 0:
            return
        with self._database.read() as session:
            groups = waiting.next_groups(session, room, sent_before_seconds=sent_before_seconds)
        sent: list[int] = []
        try:
            for run_ids in groups:
                self._app.send_task(TRAIN, args=[run_ids])
                sent += run_ids
        except OperationalError as error:
            logger.warning("could not send all that waits: %s", error)
        if sent:
            with self._database.write() as session:
                waiting.mark_sent(session, sent)

    def answers(self) -> bool:
        """Whether the broker can be reached."""
        return self.messages() is not None

    def messages(self) -> int | None:
        """Return how many messages wait in the broker; None when it is away."""
        try:
            with self._app.connection_for_read() as connection:
                return int(connection.default_channel.client.llen(QUEUE))
        except (OperationalError, OSError, RedisError):
            return None

"""The queue: a Celery app, the one task's name, and sending after the commit.

A message carries run ids and nothing else. It may arrive twice, late or never: the database
decides who trains what (`backend.store.transitions`), and `backend.keeper` sends again what waits.
"""

import logging
from collections.abc import Sequence
from math import ceil

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from backend.settings import Settings
from backend.store import Database, transitions

logger = logging.getLogger(__name__)

TRAIN = "overfit_lab.train"
QUEUE = "train"
GROUP_SIZE = 8  # runs a worker trains side by side; small enough to share an experiment out


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
    """Hands runs to the workers."""

    def __init__(self, app: Celery, database: Database, *, workers: int) -> None:
        self._app = app
        self._database = database
        self._workers = workers
        self._away = False

    def send(self, run_ids: Sequence[int], *, alone: bool = False) -> bool:
        """Send runs in groups, after the commit that queued them; False if the broker is away.

        A group is small enough for every worker to get one; with `alone`, each run is one.

        What could not be sent is not lost: it waits in the database and is sent later.
        """
        share = ceil(len(run_ids) / max(1, self._workers))
        size = 1 if alone else max(1, min(GROUP_SIZE, share))
        try:
            for start in range(0, len(run_ids), size):
                self._app.send_task(TRAIN, args=[list(run_ids[start : start + size])])
        except OperationalError:
            if not self._away:  # once: the keeper tries again each second
                logger.warning("the broker cannot be reached; %d runs wait", len(run_ids))
            self._away = True
            return False
        self._away = False
        with self._database.write() as session:
            transitions.mark_sent(session, run_ids)
        return True

    def is_empty(self) -> bool:
        """Whether no message waits in the broker; False when the broker is away."""
        return self._waiting() == 0

    def answers(self) -> bool:
        """Whether the broker can be reached."""
        return self._waiting() is not None

    def _waiting(self) -> int | None:
        try:
            with self._app.connection_for_read() as connection:
                return int(connection.default_channel.client.llen(QUEUE))
        except (OperationalError, OSError, RedisError):
            return None

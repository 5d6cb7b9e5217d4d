"""Reconnecting to the broker and to the database after an outage."""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from celery import Celery
from kombu.connection import Connection
from kombu.transport import redis, virtual

from backend.store import UNREACHABLE, reason
from worker.services import Shutdown

logger = logging.getLogger(__name__)

BROKER_PAUSE_SECONDS = 1.0  # between two attempts to connect
DATABASE_PAUSE_SECONDS = 1.0

QueryResult = TypeVar("QueryResult")


class ReconnectingConnection(Connection):
    """A connection that tries to reach an unreachable broker every second.

    Celery increases the pause up to half a minute. A worker would be idle for that long after the
    broker is back.
    """

    def ensure_connection(self, *args: Any, **options: Any) -> Connection:
        """Wait until the broker is reachable; the arguments are those of kombu's Connection."""
        pause = BROKER_PAUSE_SECONDS
        constant = {"interval_start": pause, "interval_step": 0, "interval_max": pause}
        super().ensure_connection(*args, **{**options, **constant})  # type: ignore[no-untyped-call]
        return self


class LocalAckQoS(redis.QoS):
    """Acknowledges a message locally even if the broker cannot be reached.

    Otherwise the worker would never take another message, since it holds one at a time. If the
    broker delivers the message again, that does no harm.
    """

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a message."""
        try:
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]
        except Exception:
            virtual.QoS.ack(self, delivery_tag)  # type: ignore[no-untyped-call]
            raise


class TolerantChannel(redis.Channel):
    """Drops a message that is not a task of Celery, instead of ending the worker."""

    def _brpop_read(self, **options: Any) -> bool:
        try:
            return bool(super()._brpop_read(**options))  # type: ignore[no-untyped-call]
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
        ):  # not JSON, or JSON without the parts of a task
            logger.exception("dropped a message of the broker that is not a task")
            return True


def install_reconnect(app: Celery) -> None:
    """Make a Celery app use the classes above for its connections."""
    app.amqp.Connection = ReconnectingConnection
    redis.Channel.QoS = LocalAckQoS
    redis.Transport.Channel = TolerantChannel


def retry_while_unreachable(query: Callable[[], QueryResult], shutdown: Shutdown) -> QueryResult:
    """Return the result of `query`, which is retried while the database is unreachable.

    A worker waits for the database rather than lose its runs. Raises the error of the database once
    a shutdown is requested.
    """
    while True:
        try:
            return query()
        except UNREACHABLE as error:
            if shutdown.requested:
                raise
            logger.warning("the database is unreachable; retrying: %s", reason(error))
            time.sleep(DATABASE_PAUSE_SECONDS)

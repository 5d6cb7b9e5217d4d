"""The worker's connection to the broker: how it outlasts one that goes away, or hangs."""

from typing import Any

from celery import Celery
from kombu.connection import Connection
from kombu.transport import redis, virtual

SECONDS = 1.0


class Persistent(Connection):
    """Looks for a broker that is away each second.

    Celery waits longer from time to time, in the end half a minute: so long would the worker idle
    once the broker is back.
    """

    def ensure_connection(self, *args: Any, **options: Any) -> Connection:
        """Wait until the broker is there; takes what kombu's takes."""
        evenly = {"interval_start": SECONDS, "interval_step": 0, "interval_max": SECONDS}
        super().ensure_connection(*args, **{**options, **evenly})  # type: ignore[no-untyped-call]
        return self


class Forgetting(redis.QoS):
    """Counts a message as done though the broker could not be told so.

    Else the worker would take no other, ever: it holds one at a time. That the broker may hand it
    out again is no harm.
    """

    def ack(self, delivery_tag: str) -> None:
        """Tell the broker that a message is done."""
        try:
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]
        except Exception:
            virtual.QoS.ack(self, delivery_tag)  # type: ignore[no-untyped-call]
            raise


def outlast_the_broker(app: Celery) -> None:
    """Have an app's connections be of this kind."""
    app.amqp.Connection = Persistent
    redis.Channel.QoS = Forgetting

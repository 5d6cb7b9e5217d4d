"""The worker's connection to the broker."""

from typing import Any

from celery import Celery
from kombu.connection import Connection

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


def reconnect_soon(app: Celery) -> None:
    """Have an app's connections be of this kind."""
    app.amqp.Connection = Persistent

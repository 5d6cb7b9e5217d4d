"""Asking a database that may be away: a worker waits for it rather than lose its runs."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from backend.store import UNREACHABLE, reason
from worker.stopping import Stopping

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0

Answer = TypeVar("Answer")


def until_answered(ask: Callable[[], Answer], stopping: Stopping) -> Answer:
    """Return what `ask` returns, asking again while the database is away.

    Raises what the database raised once the worker is to stop.
    """
    while True:
        try:
            return ask()
        except UNREACHABLE as error:
            if stopping.asked:
                raise
            logger.warning("the database does not answer, asking again: %s", reason(error))
            time.sleep(PAUSE_SECONDS)

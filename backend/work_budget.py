"""Budget of the work for one request: processor time, and whether the client is still there.

Long loops call `check`. It costs about a microsecond, so they call it once per item, not per
number. Outside a request there is no budget.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from backend.errors import ClientLeft, TooExpensive


class ClientWatch:
    """Becomes `gone` when the client closes its connection. The server sets it."""

    gone = False


@dataclass
class WorkBudget:
    """Seconds of processor time that the threads of a request may use, each on its own.

    The time of the thread that sets the budget counts from then, that of another from its first
    check.
    """

    seconds: float
    client: ClientWatch
    _began: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._began[threading.get_ident()] = time.thread_time()

    def check(self) -> None:
        """Raise ClientLeft or TooExpensive if the work should end."""
        if self.client.gone:
            raise ClientLeft("The client has closed the connection.")
        used = time.thread_time()
        if used - self._began.setdefault(threading.get_ident(), used) > self.seconds:
            raise TooExpensive(
                f"This takes more than {self.seconds:g} s of processor time; accepted: less "
                "(LAB_WORK_SECONDS)."
            )


_current: ContextVar[WorkBudget | None] = ContextVar("work_budget", default=None)


def check() -> None:
    """End the work of a request that exceeds its budget or whose client has left.

    Raises ClientLeft and TooExpensive.
    """
    budget = _current.get()
    if budget is not None:
        budget.check()


@contextmanager
def budget(seconds: float, client: ClientWatch) -> Iterator[None]:
    """Set the budget of everything called in this context, also in threads that it starts."""
    token = _current.set(WorkBudget(seconds, client))
    try:
        yield
    finally:
        _current.reset(token)

"""Budget of the work for one request: processor time, memory, and whether its client is there.

Long loops call `check`. It costs less than a microsecond, so they call it once per item, not per
number. Outside a request there is no budget.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import inf

from backend.errors import ClientLeft, TooExpensive


class ClientWatch:
    """Becomes `gone` when the client closes its connection. The server sets it."""

    gone = False


@dataclass
class _ThreadUse:
    """The processor time of a thread when its work began, and when to look at it again.

    `look_at` is a time of `perf_counter`, before which the budget cannot be used up. Asking for the
    processor time is a system call, which on some machines takes longer than the work between.
    """

    began: float
    look_at: float


@dataclass
class WorkBudget:
    """Seconds of processor time that the threads of a request may use, each on its own.

    The time of the thread that sets the budget counts from then, that of another from its first
    check. `max_bytes` limits what the request reads from the database, unless it is None.
    """

    seconds: float
    client: ClientWatch
    max_bytes: int | None = None
    _read_bytes: int = 0
    _uses: dict[int, _ThreadUse] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._use_of_thread(time.perf_counter())

    def check_client(self) -> None:
        """Raise ClientLeft if the client has closed its connection."""
        if self.client.gone:
            raise ClientLeft("The client has closed the connection.")

    def check(self) -> None:
        """Raise ClientLeft or TooExpensive if the work should end."""
        self.check_client()
        now = time.perf_counter()
        use = self._use_of_thread(now)
        if now < use.look_at:
            return
        left = self.seconds - (time.thread_time() - use.began)
        if left < 0:
            raise TooExpensive(self.sentence())
        use.look_at = now + left

    def sentence(self) -> str:
        """Return the sentence that refuses work which takes too long."""
        return (
            f"This takes more than {self.seconds:g} s of processor time; accepted: less "
            "(LAB_WORK_SECONDS)."
        )

    def _use_of_thread(self, now: float) -> _ThreadUse:
        thread = threading.get_ident()
        if thread not in self._uses:
            self._uses[thread] = _ThreadUse(time.thread_time(), now + self.seconds)
        return self._uses[thread]

    def read(self, size: int) -> None:
        """Count `size` bytes that stay in memory, and check."""
        self.check()
        self._read_bytes += size
        if self.max_bytes is not None and self._read_bytes > self.max_bytes:
            raise TooExpensive(
                f"This reads more than {self.max_bytes:,} bytes of metrics and predictions; "
                "accepted: fewer runs or epochs at once (LAB_WORK_BYTES)."
            )

    def lift(self) -> None:
        """End the limits of time and memory: the rest of the answer is streamed in pieces."""
        self.seconds, self.max_bytes = inf, None


_current: ContextVar[WorkBudget | None] = ContextVar("work_budget", default=None)


def check() -> None:
    """End the work of a request that exceeds its budget or whose client has left.

    Raises ClientLeft and TooExpensive.
    """
    budget = _current.get()
    if budget is not None:
        budget.check()


def is_over() -> bool:
    """Return whether `check` would end the work, for callbacks that cannot raise."""
    try:
        check()
    except (ClientLeft, TooExpensive):
        return True
    return False


def read(size: int) -> None:
    """Count bytes that a request keeps in memory, and check. Raises ClientLeft and TooExpensive."""
    budget = _current.get()
    if budget is not None:
        budget.read(size)


def current() -> WorkBudget | None:
    """Return the budget of the request, None outside one."""
    return _current.get()


@contextmanager
def budget(seconds: float, client: ClientWatch) -> Iterator[None]:
    """Set the budget of everything called in this context, also in threads that it starts."""
    token = _current.set(WorkBudget(seconds, client))
    try:
        yield
    finally:
        _current.reset(token)

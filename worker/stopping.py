"""Being told to stop: at the end of the epoch, or within it if the epoch is long."""

import time

GRACE_SECONDS = 0.5


class Stopping:
    """Whether the worker was told to stop, and whether that is so long ago that no epoch counts.

    Set from a signal handler, so it takes no lock.
    """

    def __init__(self) -> None:
        self._since: float | None = None

    def ask(self) -> None:
        """Tell the worker to stop."""
        self._since = self._since or time.monotonic()

    @property
    def asked(self) -> bool:
        """Whether the worker is to stop after the present epoch."""
        return self._since is not None

    @property
    def overdue(self) -> bool:
        """Whether the worker is to stop within the present epoch."""
        return self._since is not None and time.monotonic() > self._since + GRACE_SECONDS

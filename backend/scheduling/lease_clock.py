"""Lease clock: decides whether expired leases can be trusted.

Leases expire by the database's clock. During a database outage no worker can renew its lease, and
a jump of the clock makes all leases expire at once or last for hours. A process that has just
started does not know what happened before. In these cases every lease is restarted.
"""

import time

# Leases are restarted at most once per this many lease durations. A database that is always slow
# must not keep the runs of a dead worker forever.
RESTART_INTERVAL_LEASES = 3


class LeaseClock:
    """Compares the database's clock with the monotonic clock at each reading."""

    def __init__(self, lease_seconds: float) -> None:
        self._lease = lease_seconds
        self._tolerance = lease_seconds / 2
        self._read_started_at = 0.0
        self._last_reading: tuple[float, float] | None = None
        self._database_failed = False
        self.is_first_reading = True
        self._restarted_at = -float("inf")
        self.can_be_trusted = True

    def record_failure(self) -> None:
        """Record that the database was unreachable or read-only."""
        self._database_failed = True

    def start_reading(self) -> None:
        """Record that the database's time is about to be read."""
        self._read_started_at = time.monotonic()

    def finish_reading(self, *, now: int) -> None:
        """Record the database's time in milliseconds and update `can_be_trusted`."""
        ours, theirs = time.monotonic(), now / 1000
        before, self._last_reading = self._last_reading, (ours, theirs)
        hung = ours - self._read_started_at > self._tolerance
        jump = theirs - before[1] - (ours - before[0]) if before else 0.0
        jumped = abs(jump) > self._tolerance
        may_restart = ours > self._restarted_at + RESTART_INTERVAL_LEASES * self._lease
        self.is_first_reading = before is None
        doubtful = may_restart and (jumped or hung or self._database_failed)
        self.can_be_trusted = not (self.is_first_reading or doubtful)

    def confirm(self) -> None:
        """Record that the consequence of `can_be_trusted` is committed."""
        self._database_failed = False
        if not self.can_be_trusted and not self.is_first_reading:
            self._restarted_at = time.monotonic()

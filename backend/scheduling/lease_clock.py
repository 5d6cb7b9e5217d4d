"""How long workers have been silent, and whether that can be known at all.

A lease ends by the database's clock. While the database was away no worker could renew one, and
when its clock jumps all leases end at once, or last for hours. Nor does whoever looks for the first
time know what was before. Then every lease begins anew.
"""

import time

FORGIVEN_EVERY = 3  # leases, at most: a database that is always slow keeps no dead worker's runs


class LeaseClock:
    """Compares the database's clock with our own, which never jumps, from look to look."""

    def __init__(self, lease_seconds: float) -> None:
        self._lease = lease_seconds
        self._tolerance = lease_seconds / 2
        self._asked_at = 0.0
        self._seen: tuple[float, float] | None = None
        self._was_away = False
        self.begins = True
        self._forgiven_at = -float("inf")
        self.is_known = True

    def failed(self) -> None:
        """Note that the database did not answer, or took no writes."""
        self._was_away = True

    def asks(self) -> None:
        """Note that the database is about to be asked for its time."""
        self._asked_at = time.monotonic()

    def answered(self, *, now: int) -> None:
        """Note the database's time (milliseconds); `is_known` then says whether leases hold."""
        ours, theirs = time.monotonic(), now / 1000
        before, self._seen = self._seen, (ours, theirs)
        hung = ours - self._asked_at > self._tolerance
        jump = theirs - before[1] - (ours - before[0]) if before else 0.0
        jumped = abs(jump) > self._tolerance
        forgives = ours > self._forgiven_at + FORGIVEN_EVERY * self._lease
        self.begins = before is None
        self.is_known = not (self.begins or (forgives and (jumped or hung or self._was_away)))

    def settled(self) -> None:
        """Note that what followed from `is_known` is in the database."""
        self._was_away = False
        if not self.is_known and not self.begins:
            self._forgiven_at = time.monotonic()

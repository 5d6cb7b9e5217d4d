"""What a worker is doing: how many runs it trains, and how fast."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

WINDOW_SECONDS = 30.0


class Activity:
    """Counts the recorded `epochs` of a worker, all its runs together.

    Written by the thread that trains, read by any.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._marks: deque[tuple[float, int]] = deque()  # when so many epochs were trained
        self.epochs = 0
        self._runs: Callable[[], int] = lambda: 0
        self.epochs_per_second: float | None = None
        self.last_epoch_at: datetime | None = None

    @property
    def runs(self) -> int:
        """How many runs are in training."""
        return self._runs()

    @contextmanager
    def training(self, runs: Callable[[], int]) -> Iterator[None]:
        """Train: `runs` says how many runs are left. Time between two trainings does not count."""
        with self._lock:
            self._marks = deque([(self._clock(), self.epochs)])
        self._runs = runs
        try:
            yield
        finally:
            self._runs = lambda: 0

    def add(self, epochs: int) -> None:
        """Count epochs, of all runs together, that were trained."""
        with self._lock:
            now = self._clock()
            self.epochs += epochs
            self._marks.append((now, self.epochs))
            while now - self._marks[0][0] > WINDOW_SECONDS and len(self._marks) > 2:
                self._marks.popleft()
            since, before = self._marks[0]
            if now > since:
                self.epochs_per_second = (self.epochs - before) / (now - since)
            self.last_epoch_at = datetime.now(UTC)

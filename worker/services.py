"""The services that training uses: settings, connections, device, shutdown flag and activity."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import torch

from backend.live.notifications import Notifier
from backend.settings import Settings
from backend.store import Database

GRACE_SECONDS = 0.5  # after a shutdown request, for the current epoch to end
WINDOW_SECONDS = 30.0  # over which the rate of epochs is averaged


class Shutdown:
    """The request to shut the worker down after the current epoch, or within a long epoch.

    A signal handler sets it, so it takes no lock.
    """

    def __init__(self) -> None:
        self._since: float | None = None

    def request(self) -> None:
        """Request a shutdown."""
        self._since = self._since or time.monotonic()

    @property
    def requested(self) -> bool:
        """True if the worker has to stop after the current epoch."""
        return self._since is not None

    @property
    def overdue(self) -> bool:
        """True if the worker has to stop within the current epoch."""
        return self._since is not None and time.monotonic() > self._since + GRACE_SECONDS


class Activity:
    """Counts the recorded `epochs` of a worker, over all of its runs, and their rate.

    The training thread writes it; any thread may read it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._marks: deque[tuple[float, int]] = deque()  # (time, epochs until then)
        self.epochs = 0
        self._runs: Callable[[], int] = lambda: 0
        self.epochs_per_second: float | None = None
        self.last_epoch_at: datetime | None = None

    @property
    def runs(self) -> int:
        """Number of runs in training."""
        return self._runs()

    @contextmanager
    def training(self, runs: Callable[[], int]) -> Iterator[None]:
        """Mark the time of a training. `runs` returns the number of its unfinished runs.

        Time between two trainings does not count for the rate.
        """
        with self._lock:
            self._marks = deque([(self._clock(), self.epochs)])
        self._runs = runs
        try:
            yield
        finally:
            self._runs = lambda: 0

    def add(self, epochs: int) -> None:
        """Count recorded epochs, over all runs."""
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


@dataclass(frozen=True)
class Services:
    """Everything that training uses besides the runs themselves."""

    settings: Settings
    database: Database
    notifier: Notifier
    device: torch.device
    shutdown: Shutdown
    activity: Activity = field(default_factory=Activity)

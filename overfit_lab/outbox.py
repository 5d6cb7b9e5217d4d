"""The records of a run on their way to the server, sent by a thread in the background.

Training never waits for the server. While it is unreachable, records are kept in bounded memory and
sent later.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from overfit_lab.connection import Refused, Unreachable
from overfit_lab.server import ID_TAG, Point, Server

MAX_POINTS = 500_000  # about 100 MB
BATCH_POINTS, BATCH_PARAMS, BATCH_TAGS = 1000, 100, 100  # limits of the protocol: 1,000 in all
COLLECT_SECONDS = 0.5  # points of this time are sent together
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 1.0, 30.0
CLOSING_RETRY_SECONDS = 0.2
FINISH_SECONDS = 10.0  # the longest that the end of a run waits for the server
FINISH_UNREACHABLE_SECONDS = 2.0  # the same if the last request was not answered

Warn = Callable[[str], None]


@dataclass
class RunStart:
    """The facts with which a run is created on the server, unless it has the run `run_id`."""

    project: str
    name: str | None
    local_id: str
    start_ms: int
    tags: dict[str, str]
    run_id: str | None = None


@dataclass
class Sent:
    """The state of a run on the server, None until it has been created there."""

    experiment_id: str | None = None
    run_id: str | None = None
    run_name: str | None = None


@dataclass
class _Waiting:
    points: deque[Point] = field(default_factory=deque)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    status: str | None = None

    def __bool__(self) -> bool:
        return bool(self.points or self.params or self.tags or self.status)


class Outbox:
    """Records of one run, and the thread that sends them."""

    def __init__(self, server: Server, start: RunStart, warn: Warn) -> None:
        self.sent = Sent()
        self.lost_points = 0
        self._server, self._start, self._warn = server, start, warn
        self._waiting = _Waiting()
        self._changed = threading.Condition()
        self._reachable = True
        self._ended = threading.Event()
        self._deadline: float | None = None
        self._thread = threading.Thread(target=self._work, name="overfit_lab", daemon=True)
        self._thread.start()

    def add_points(self, points: list[Point]) -> None:
        """Queue points. The oldest are dropped if there are more than MAX_POINTS."""
        with self._changed:
            waiting = self._waiting.points
            waiting.extend(points)
            while len(waiting) > MAX_POINTS:
                waiting.popleft()
                self.lost_points += 1
            self._changed.notify()

    def add_texts(self, *, params: dict[str, str], tags: dict[str, str]) -> None:
        """Queue params and tags."""
        with self._changed:
            self._waiting.params |= params
            self._waiting.tags |= tags
            self._changed.notify()

    def close(self, status: str) -> int:
        """Send the rest and the status; return how many points could not be sent."""
        patience = FINISH_SECONDS if self._reachable else FINISH_UNREACHABLE_SECONDS
        with self._changed:
            self._waiting.status = status
            self._deadline = time.monotonic() + patience
            self._changed.notify()
        self._ended.wait(patience)
        return len(self._waiting.points) + self.lost_points

    @property
    def _closing(self) -> bool:
        return self._deadline is not None

    def _work(self) -> None:
        """Send until the outbox is closed and empty, or the time to close has passed."""
        retry = FIRST_RETRY_SECONDS
        try:
            while self._wait_for_records():
                try:
                    self._send()
                    self._reachable, retry = True, FIRST_RETRY_SECONDS
                except Unreachable as error:
                    self._warn_unreachable(str(error))
                    self._pause(retry)
                    retry = min(2 * retry, LAST_RETRY_SECONDS)
        except Refused as error:
            self._warn(f"{error} Nothing is sent to {self._server.url} any more.")
        finally:
            self._server.close()
            self._ended.set()

    def _wait_for_records(self) -> bool:
        """Wait for records, then a moment for more; return False when the outbox is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            if not self._closing:
                self._changed.wait_for(lambda: self._closing, COLLECT_SECONDS)
            if self._deadline is not None and time.monotonic() > self._deadline:
                return False
            return bool(self._waiting)

    def _pause(self, seconds: float) -> None:
        """Wait before the next attempt; less while closing, and not at all when closing begins."""
        with self._changed:
            closing = self._closing
            at_most = CLOSING_RETRY_SECONDS if closing else seconds
            self._changed.wait_for(lambda: self._closing != closing, at_most)

    def _warn_unreachable(self, reason: str) -> None:
        if self._reachable:
            self._warn(f"{reason}; training goes on, and its points are sent later.")
        self._reachable = False
        if self._deadline is not None:
            self._deadline = min(self._deadline, time.monotonic() + FINISH_UNREACHABLE_SECONDS)

    def _send(self) -> None:
        """Send one batch. Raises Unreachable, and Refused if the run cannot be created."""
        run_id = self.sent.run_id or self._create()
        with self._changed:
            waiting = self._waiting
            points = list(islice(waiting.points, BATCH_POINTS - BATCH_PARAMS - BATCH_TAGS))
            params = dict(islice(waiting.params.items(), BATCH_PARAMS))
            tags = dict(islice(waiting.tags.items(), BATCH_TAGS))
            dropped_before = self.lost_points
        if points or params or tags:
            try:
                self._server.log(run_id, points, params, tags)
            except Refused as error:
                self._warn(f"The server refused a batch: {error}")
            self._forget(points, params, tags, dropped_before)
        elif waiting.status:
            self._server.end_run(run_id, waiting.status, _now_ms())
            waiting.status = None

    def _forget(
        self, points: list[Point], params: dict[str, str], tags: dict[str, str], dropped: int
    ) -> None:
        """Remove what was sent. Points that were dropped while they were sent are not lost."""
        with self._changed:
            dropped_meanwhile = min(self.lost_points - dropped, len(points))
            self.lost_points -= dropped_meanwhile
            for _ in range(len(points) - dropped_meanwhile):
                self._waiting.points.popleft()
            for sent, waiting in ((params, self._waiting.params), (tags, self._waiting.tags)):
                for key, value in sent.items():
                    if waiting.get(key) == value:
                        del waiting[key]

    def _create(self) -> str:
        """Create the run, or find the run that a sweep planned; return its id."""
        start, sent = self._start, self.sent
        if start.run_id is not None:
            info = self._server.run(start.run_id)
            sent.experiment_id, sent.run_name = str(info["experiment_id"]), info.get("run_name")
            sent.run_id = start.run_id
            return sent.run_id
        if sent.experiment_id is None:
            sent.experiment_id = self._server.experiment(start.project)
        tags = {**start.tags, ID_TAG: start.local_id}
        info = self._server.create_run(sent.experiment_id, start.name, start.start_ms, tags)
        sent.run_name = info.get("run_name")
        sent.run_id = str(info.get("run_id") or info["run_uuid"])
        return sent.run_id


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

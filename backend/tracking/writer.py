"""One thread that writes what clients log: requests that arrive together share a transaction.

A commit costs about as much as the rows of a small batch, and SQLite takes one writer at a time. So
the requests that arrive during a transaction are written together in the next, and each is
answered after its commit.
"""

import asyncio
import logging
import threading
from collections import deque
from dataclasses import dataclass

from backend.errors import LabError, Unavailable
from backend.store import UNREACHABLE, Database
from backend.store.external_runs import LoggedRun
from backend.tracking.logs import RunLog, log_all

logger = logging.getLogger(__name__)

MAX_WAITING = 4096  # requests; a client retries after the 503
MAX_REQUESTS = 256  # of one transaction
MAX_POINTS = 100_000  # of one transaction; a large request may exceed it
STOP_SECONDS = 30


@dataclass(frozen=True)
class _Waiting:
    """A request, and the future of the coroutine that waits for it."""

    entry: RunLog
    loop: asyncio.AbstractEventLoop
    written: "asyncio.Future[LoggedRun]"

    def answer(self, outcome: LoggedRun | Exception) -> None:
        """Let the coroutine continue, from another thread."""
        self.loop.call_soon_threadsafe(self._set, outcome)

    def _set(self, outcome: LoggedRun | Exception) -> None:
        if self.written.done():  # the client has gone
            return
        if isinstance(outcome, Exception):
            self.written.set_exception(outcome)
        else:
            self.written.set_result(outcome)


class LogWriter:
    """Collects requests and writes them in groups, in the order in which they arrived."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[_Waiting] = deque()
        self._arrival = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopping = False

    async def log(self, entry: RunLog) -> LoggedRun:
        """Write one request; return its run once the transaction is committed.

        Raises NotFound, InvalidInput, ParamChanged, Conflict for a deleted run, and Unavailable if
        too many requests wait.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(entry, loop, loop.create_future())
        with self._arrival:
            if len(self._waiting) >= MAX_WAITING or self._stopping:
                raise Unavailable("Too many requests wait for the database; try again.")
            self._waiting.append(waiting)
            self._start()
            self._arrival.notify()
        return await waiting.written

    def stop(self) -> None:
        """Write what waits, then end the thread."""
        with self._arrival:
            self._stopping = True
            self._arrival.notify()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="log writer", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while group := self._next_group():
            self._write(group)

    def _next_group(self) -> list[_Waiting]:
        """Return the requests of the next transaction, none when the service stops."""
        with self._arrival:
            self._arrival.wait_for(lambda: self._waiting or self._stopping)
            group: list[_Waiting] = []
            points = 0
            while self._waiting and len(group) < MAX_REQUESTS and points < MAX_POINTS:
                group.append(self._waiting.popleft())
                points += len(group[-1].entry.points)
            return group

    def _write(self, group: list[_Waiting]) -> None:
        try:
            outcomes = self._commit(group)
        except UNREACHABLE as error:
            for waiting in group:
                waiting.answer(error)
        except Exception as error:  # noqa: BLE001 - the thread must go on
            self._write_singly(group, error)
        else:
            for waiting, outcome in zip(group, outcomes, strict=True):
                waiting.answer(outcome)

    def _commit(self, group: list[_Waiting]) -> list[LoggedRun | LabError]:
        with self._database.write() as session:
            return log_all(session, [waiting.entry for waiting in group])

    def _write_singly(self, group: list[_Waiting], error: Exception) -> None:
        """Write each request by itself, so that a faulty one does not take the others with it."""
        if len(group) == 1:
            logger.error("a logged batch could not be written", exc_info=error)
            group[0].answer(error)
            return
        for waiting in group:
            self._write([waiting])

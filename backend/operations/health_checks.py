"""Is each part that the service needs there, and what does it say? Asked with a deadline."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from backend.operations.disk_space import is_full
from backend.scheduling.dispatcher import Dispatcher
from backend.scheduling.scheduler import Scheduler
from backend.scheduling.worker_registry import registered_workers
from backend.settings import Settings
from backend.store import Database, schema

T = TypeVar("T")

DEADLINE_SECONDS = 2.0
FRESH_SECONDS = 1.0  # every open page asks how the service is; one answer serves them all
UNTENDED_SECONDS = 60.0  # a look takes a second or two; one that waits for a lock, up to 30 s
WRITING_SECONDS = 5.0  # SQLite has one writer at a time, and a large write takes a second or two
UNANSWERED = (SQLAlchemyError, RedisError, OSError, TimeoutError)
PARTS = ("database", "schema", "disk", "broker", "keeper", "workers")


@dataclass(frozen=True)
class PartHealth:
    """Whether one part can do its work, and a sentence on how it is."""

    ok: bool
    detail: str


class HealthCheck(Generic[T]):
    """A question with a deadline. While it is under way, whoever asks waits for the same answer.

    So what hangs holds one thread, however often it is asked.
    """

    def __init__(self, question: Callable[[], T], seconds: float = DEADLINE_SECONDS) -> None:
        self._question, self._seconds = question, seconds
        self._lock = threading.Lock()
        self._pending: Future[T] | None = None
        self._late_at = 0.0
        self._well = True

    def ask(self) -> T:
        """Return the answer. Raises TimeoutError, or what the question raises."""
        pending, late_at = self._asked()
        return pending.result(max(0.0, late_at - time.monotonic()))

    def is_well(self) -> bool:
        """Whether the last answer was yes, and the one under way is not late.

        Does not wait, and asks again at most once in FRESH_SECONDS.
        """
        pending, late_at = self._asked(FRESH_SECONDS)
        return self._well and (pending.done() or time.monotonic() <= late_at)

    def _asked(self, fresh: float = 0.0) -> tuple[Future[T], float]:
        """Return the question that is under way, or begun now, and when its answer is late.

        One that was begun less than `fresh` seconds ago is not begun again.
        """
        with self._lock:
            age = time.monotonic() - (self._late_at - self._seconds)
            if self._pending is None or (self._pending.done() and age >= fresh):
                pending: Future[T] = Future()
                threading.Thread(
                    target=self._answer, args=[pending], name=HealthCheck.__name__, daemon=True
                ).start()
                self._pending, self._late_at = pending, time.monotonic() + self._seconds
            return self._pending, self._late_at

    def _answer(self, pending: Future[T]) -> None:
        try:
            answer = self._question()
        except BaseException as error:  # noqa: BLE001 - raised where the answer is awaited
            self._well = False
            pending.set_exception(error)
        else:
            self._well = bool(answer)
            pending.set_result(answer)


class HealthChecks:
    """The parts of one service; `keeper` is the one of this process, once it is there."""

    scheduler: Scheduler | None = None

    def __init__(self, settings: Settings, database: Database, dispatcher: Dispatcher) -> None:
        self._folder = settings.data_dir
        self._revision = HealthCheck(lambda: schema.revision(database))
        self._writing = HealthCheck(database.takes_writes, WRITING_SECONDS)
        self._broker = HealthCheck(dispatcher.broker_answers)
        self._workers = HealthCheck(lambda: registered_workers(settings.broker_url))

    def parts(self) -> dict[str, PartHealth]:
        """Return how each part is, within a few seconds, whatever hangs."""
        database, newest = self._database()
        broker = _yes(self._broker)
        return {
            "database": database,
            "schema": newest,
            "disk": self._disk(),
            "broker": PartHealth(
                broker, f"the broker {'answers' if broker else 'does not answer'}"
            ),
            "keeper": self._tended(),
            "workers": self._there()
            if broker
            else PartHealth(False, "no worker can be seen without the broker"),
        }

    def takes_writes(self) -> bool:
        """Whether the database took writes when last asked; asks again, and does not wait."""
        return self._writing.is_well()

    def _database(self) -> tuple[PartHealth, PartHealth]:
        try:
            found = self._revision.ask()
        except UNANSWERED:
            away = "the schema is unknown without the database"
            return PartHealth(False, "the database does not answer"), PartHealth(False, away)
        writable, needed = _yes(self._writing), schema.newest()
        said = "answers" if writable else "can be read, and takes no writes"
        answers = PartHealth(writable, f"the database {said}")
        if found == needed:
            return answers, PartHealth(True, f"the schema is the newest, {found}")
        return answers, PartHealth(False, f"the schema is {found or 'missing'}, not {needed}")

    def _disk(self) -> PartHealth:
        full = is_full(self._folder)
        said = "is full" if full else "has room"
        return PartHealth(not full, f"the disk of the data folder {said}")

    def _tended(self) -> PartHealth:
        ago = self.scheduler.seconds_since_last_pass if self.scheduler else 0.0
        if ago > UNTENDED_SECONDS:
            return PartHealth(False, f"the queue was last looked after {ago:.0f} s ago")
        return PartHealth(True, "the queue is looked after")

    def _there(self) -> PartHealth:
        try:
            count = len(self._workers.ask() or ())
        except UNANSWERED:
            count = 0
        return PartHealth(count > 0, f"{count} there" if count else "no worker is there")


def _yes(probe: HealthCheck[bool]) -> bool:
    try:
        return probe.ask()
    except UNANSWERED:
        return False

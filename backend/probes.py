"""Is each part that the service needs there, and what does it say? Asked with a deadline."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from backend.presence import present
from backend.queue import Queue
from backend.room import is_full
from backend.settings import Settings
from backend.store import Database, schema

T = TypeVar("T")

DEADLINE_SECONDS = 2.0
PARTS = ("database", "schema", "disk", "broker", "workers")


@dataclass(frozen=True)
class Part:
    """Whether one part can do its work, and a sentence on how it is."""

    ok: bool
    detail: str


class Probe(Generic[T]):
    """A question with a deadline. While it is under way, whoever asks waits for the same answer.

    So what hangs holds one thread, however often it is asked.
    """

    def __init__(self, question: Callable[[], T], seconds: float = DEADLINE_SECONDS) -> None:
        self._question, self._seconds = question, seconds
        self._lock = threading.Lock()
        self._pending: Future[T] | None = None

    def ask(self) -> T:
        """Return the answer. Raises TimeoutError, or what the question raises."""
        with self._lock:
            if self._pending is None or self._pending.done():
                self._pending = Future()
                threading.Thread(target=self._answer, args=[self._pending], daemon=True).start()
            pending = self._pending
        return pending.result(self._seconds)

    def _answer(self, pending: Future[T]) -> None:
        try:
            pending.set_result(self._question())
        except BaseException as error:  # noqa: BLE001 - raised where the answer is awaited
            pending.set_exception(error)


class Probes:
    """The parts of one service."""

    def __init__(self, settings: Settings, database: Database, queue: Queue) -> None:
        self._folder = settings.data_dir
        self._revision = Probe(lambda: schema.revision(database))
        self._broker = Probe(queue.answers)
        self._workers = Probe(lambda: present(settings.broker_url))

    def parts(self) -> dict[str, Part]:
        """Return how each part is, within a few seconds, whatever hangs."""
        database, newest = self._database()
        broker = self._answers(self._broker)
        return {
            "database": database,
            "schema": newest,
            "disk": self._disk(),
            "broker": Part(broker, f"the broker {'answers' if broker else 'does not answer'}"),
            "workers": self._there()
            if broker
            else Part(False, "no worker can be seen without the broker"),
        }

    def _database(self) -> tuple[Part, Part]:
        try:
            found = self._revision.ask()
        except (SQLAlchemyError, OSError, TimeoutError):
            away = "the schema is unknown without the database"
            return Part(False, "the database does not answer"), Part(False, away)
        answers, needed = Part(True, "the database answers"), schema.newest()
        if found == needed:
            return answers, Part(True, f"the schema is the newest, {found}")
        return answers, Part(False, f"the schema is {found or 'missing'}, not {needed}")

    def _disk(self) -> Part:
        full = is_full(self._folder)
        said = "is full" if full else "has room"
        return Part(not full, f"the disk of the data folder {said}")

    def _there(self) -> Part:
        try:
            count = len(self._workers.ask() or ())
        except (RedisError, OSError, TimeoutError):
            count = 0
        return Part(count > 0, f"{count} there" if count else "no worker is there")

    @staticmethod
    def _answers(probe: Probe[bool]) -> bool:
        try:
            return probe.ask()
        except (RedisError, OSError, TimeoutError):
            return False

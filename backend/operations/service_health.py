"""Health of the service: checks of the parts it needs, each with a deadline, and its workers."""

import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from backend.export.archive import versions
from backend.scheduling.dispatcher import Dispatcher
from backend.scheduling.scheduler import Scheduler
from backend.scheduling.worker_registry import Worker, registered_workers
from backend.settings import Settings
from backend.specification.placement import DEVICES
from backend.store import Database, dispatch, loss, runs, schema

FULL_BYTES = 8 << 20  # below this the disk counts as full: one large write can exceed it


def free_bytes(folder: Path) -> int | None:
    """Return the free bytes of the disk that holds `folder`, or None if unknown."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def is_full(folder: Path) -> bool:
    """Return whether the disk that holds `folder` is known to be full."""
    free = free_bytes(folder)
    return free is not None and free < FULL_BYTES


T = TypeVar("T")

DEADLINE_SECONDS = 2.0
FRESH_SECONDS = 1.0  # every open page asks for the status; one answer serves all of them
SCHEDULER_LATE_SECONDS = 60.0  # a pass takes seconds, or up to 30 s when it waits for a lock
WRITE_DEADLINE_SECONDS = 5.0  # SQLite has one writer, and a large write takes a second or two
CHECK_ERRORS = (SQLAlchemyError, RedisError, OSError, TimeoutError)


@dataclass(frozen=True)
class PartHealth:
    """Health of one part: whether it works, and a sentence about it."""

    ok: bool
    detail: str


class HealthCheck(Generic[T]):
    """A check with a deadline. Concurrent callers share one execution.

    A check that hangs therefore occupies one thread, however often it is called.
    """

    def __init__(self, check: Callable[[], T], seconds: float = DEADLINE_SECONDS) -> None:
        self._check, self._seconds = check, seconds
        self._lock = threading.Lock()
        self._pending: Future[T] | None = None
        self._deadline = 0.0
        self._last_ok = True

    def result(self) -> T:
        """Return the result. Raises TimeoutError, or the error of the check."""
        pending, deadline = self._execution()
        return pending.result(max(0.0, deadline - time.monotonic()))

    def is_ok(self) -> bool:
        """Return whether the last result was true and the current execution is not late.

        Never waits. Starts the check at most once per FRESH_SECONDS.
        """
        pending, deadline = self._execution(FRESH_SECONDS)
        return self._last_ok and (pending.done() or time.monotonic() <= deadline)

    def _execution(self, fresh: float = 0.0) -> tuple[Future[T], float]:
        """Return the current execution and its deadline; start one if none is running.

        An execution that started less than `fresh` seconds ago is reused.
        """
        with self._lock:
            age = time.monotonic() - (self._deadline - self._seconds)
            if self._pending is None or (self._pending.done() and age >= fresh):
                pending: Future[T] = Future()
                threading.Thread(
                    target=self._run, args=[pending], name=HealthCheck.__name__, daemon=True
                ).start()
                self._pending, self._deadline = pending, time.monotonic() + self._seconds
            return self._pending, self._deadline

    def _run(self, pending: Future[T]) -> None:
        try:
            result = self._check()
        except BaseException as error:  # noqa: BLE001 - raised where the result is awaited
            self._last_ok = False
            pending.set_exception(error)
        else:
            self._last_ok = bool(result)
            pending.set_result(result)


class HealthChecks:
    """Health checks of one service. `scheduler` is set once this process has started its own."""

    scheduler: Scheduler | None = None

    def __init__(self, settings: Settings, database: Database, dispatcher: Dispatcher) -> None:
        self._folder = settings.data_dir
        self._revision = HealthCheck(lambda: schema.revision(database))
        self._writing = HealthCheck(database.takes_writes, WRITE_DEADLINE_SECONDS)
        self._broker = HealthCheck(dispatcher.broker_answers)
        self._workers = HealthCheck(lambda: registered_workers(settings.broker_url))

    def parts(self) -> dict[str, PartHealth]:
        """Return the health of each part within a few seconds, even if a part hangs."""
        database, newest = self._database_health()
        broker = _is_true(self._broker)
        return {
            "database": database,
            "schema": newest,
            "disk": self._disk_health(),
            "broker": PartHealth(
                broker, f"the broker {'answers' if broker else 'does not answer'}"
            ),
            "keeper": self._scheduler_health(),
            "workers": self._workers_health()
            if broker
            else PartHealth(False, "workers are unknown without the broker"),
        }

    def takes_writes(self) -> bool:
        """Return whether the database was writable at the last check. Checks again; never waits."""
        return self._writing.is_ok()

    def _database_health(self) -> tuple[PartHealth, PartHealth]:
        try:
            revision = self._revision.result()
            writable = self._is_writable()
        except CHECK_ERRORS as error:
            unknown = "the schema is unknown without the database"
            state = loss(error) or "does not answer"
            return PartHealth(False, f"the database {state}"), PartHealth(False, unknown)
        needed = schema.newest()
        state = "answers" if writable else "is read-only"
        database = PartHealth(writable, f"the database {state}")
        if revision == needed:
            return database, PartHealth(True, f"the schema is the newest, {revision}")
        return database, PartHealth(False, f"the schema is {revision or 'missing'}, not {needed}")

    def _is_writable(self) -> bool:
        """Return whether the database accepts writes. Raises SQLAlchemyError if it is lost."""
        try:
            return self._writing.result()
        except CHECK_ERRORS as error:
            if loss(error):
                raise
            return False

    def _disk_health(self) -> PartHealth:
        full = is_full(self._folder)
        state = "is full" if full else "has free space"
        return PartHealth(not full, f"the disk of the data folder {state}")

    def _scheduler_health(self) -> PartHealth:
        ago = self.scheduler.seconds_since_last_pass if self.scheduler else 0.0
        if ago > SCHEDULER_LATE_SECONDS:
            return PartHealth(False, f"the scheduler last ran {ago:.0f} s ago")
        return PartHealth(True, "the scheduler is running")

    def _workers_health(self) -> PartHealth:
        try:
            count = len(self._workers.result() or ())
        except CHECK_ERRORS:
            count = 0
        return PartHealth(count > 0, f"{count} registered" if count else "no worker is registered")


def _is_true(check: HealthCheck[bool]) -> bool:
    try:
        return check.result()
    except CHECK_ERRORS:
        return False


class Device(BaseModel):
    """Queued runs and workers of a device; "any" stands for runs that may train on any device.

    `workers` is null while the broker is unreachable.
    """

    device: str
    queued: int
    workers: int | None


class ServiceHealth(BaseModel):
    """The health of the service. `workers` is null while the broker is unreachable.

    `disk_full` refers to the disk of the data folder. `read_only` is true if the database refused
    the last test write.
    """

    broker: bool
    disk_full: bool
    read_only: bool
    workers: list[Worker] | None
    devices: list[Device]
    queued: int
    running: int
    versions: dict[str, str]


def service_health(
    database: Database, dispatcher: Dispatcher, checks: HealthChecks, settings: Settings
) -> ServiceHealth:
    """Return the health of the service, with its workers and the number of unended runs."""
    broker = dispatcher.inspect_broker()
    with database.read() as session:
        counts = runs.count_unended(session)
        queued = dispatch.by_device(session) if counts.get("queued") else {}
    return ServiceHealth(
        broker=broker is not None,
        disk_full=is_full(settings.data_dir),
        read_only=not checks.takes_writes(),
        workers=None if broker is None else list(broker.workers),
        devices=[
            Device(
                device=device,
                queued=queued.get(device, 0),
                workers=broker and broker.workers_for(device),
            )
            for device in DEVICES
        ],
        queued=counts.get("queued", 0),
        running=counts.get("running", 0),
        versions=versions(),
    )

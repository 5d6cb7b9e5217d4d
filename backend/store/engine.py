"""The database: engine, read and write transactions, and their effects on other processes.

Functions of the store record effects on their session, such as queued runs. `Database.write`
reports them after the commit, so that no caller has to remember a notification.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from sqlalchemy import BigInteger, event, func, select, text
from sqlalchemy.dialects import postgresql as postgresql_dialect
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.sql.functions import FunctionElement

from backend.store.connections import make_engine
from backend.store.installation import InstallationWatch
from backend.store.losses import DAMAGED, damaged, loss

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

_KEY = "commit_effects"
_READ = "results"  # of a session that only reads, by key


@dataclass(frozen=True)
class VerdictTurn:
    """A run whose verdict is another one than before; `previous` is None for its first."""

    run_id: int
    verdict: str
    previous: str | None


@dataclass
class CommitEffects:
    """The experiments whose followers are notified, turned verdicts, whether runs were queued."""

    changed_experiments: set[int] = field(default_factory=set)
    runs_queued: bool = False
    turned_verdicts: list[VerdictTurn] = field(default_factory=list)


def effects_of(session: Session) -> CommitEffects:
    """Return the effects that were recorded on a session, to be read or extended."""
    effects: CommitEffects = session.info.setdefault(_KEY, CommitEffects())
    return effects


class now_ms(FunctionElement[int]):  # noqa: N801 - reads as the SQL function it is
    """The clock of the database server in milliseconds since 1970, the same for all processes."""

    type = BigInteger()
    inherit_cache = True


@compiles(now_ms, "sqlite")
def _sqlite_now(*_: object, **__: object) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER)"


@compiles(now_ms, "postgresql")
def _postgresql_now(*_: object, **__: object) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"


# Writes 0.7 MB to PostgreSQL's temporary files, which no other session sees and which PostgreSQL
# deletes by itself, to find out whether the disk has space.
_LITTLE_MEMORY = text("SELECT set_config('work_mem', '64kB', true)")
_WRITE_TEMPORARY_FILE = text("SELECT count(*) FROM generate_series(1, 50000)")


class Database:
    """An engine with one way to read and one way to write.

    `connections` limits the connections to PostgreSQL; a caller waits for a free one.
    `transaction_seconds` limits each transaction there (from version 17), so that a client that
    hangs in the middle of a statement does not keep its locks.

    The web service sets two functions. `before_commit` is called with the session of each write
    transaction, to add what belongs to it. `after_commit` is called with the effects of each
    committed one, to notify other processes. The transaction stays committed if it fails.

    A service opens its database with `in_service`: it is migrated, so it is never created, and
    every write checks that it is still the same (see `backend.store.installation`).
    """

    before_commit: Callable[[Session], object]
    after_commit: Callable[[CommitEffects], object]

    def __init__(
        self,
        url: str,
        *,
        connections: int | None = None,
        transaction_seconds: float | None = None,
        in_service: bool = False,
    ) -> None:
        if url.startswith("postgresql://"):
            url = url.replace("postgresql://", "postgresql+psycopg://", 1)
        if url.startswith("sqlite:///") and not in_service:
            Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        self.engine = make_engine(url, connections, transaction_seconds, must_exist=in_service)
        self._watch = InstallationWatch() if in_service else None
        self._is_damaged = False  # until the process ends: a write might make it worse
        event.listen(self.engine, "handle_error", self._note_damage)
        self.before_commit = self.after_commit = _ignore
        # every statement of a transaction sees the same state, as in SQLite
        self._reader = self.engine
        if self.engine.dialect.name == "postgresql":
            self._reader = self.engine.execution_options(isolation_level="REPEATABLE READ")
        self._writer = self.engine.execution_options(lab_writes=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that reads one consistent state."""
        with Session(self._reader) as session:
            session.info[_READ] = {}
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a session in one transaction: committed at the end, rolled back on an exception.

        Calls `after_commit` once the transaction is committed.
        """
        if self._is_damaged:
            raise damaged("an earlier statement met damage")
        with Session(self._writer, expire_on_commit=False) as session:
            with session.begin():
                if self._watch:
                    self._watch.check(session)
                yield session
                self.before_commit(session)
            effects = effects_of(session)
        self._report(effects)

    def _report(self, effects: CommitEffects) -> None:
        """Call `after_commit`. Its failure must not look as if nothing had been stored."""
        try:
            self.after_commit(effects)
        except Exception:
            logger.exception("the effects of a committed transaction could not be reported")

    def _note_damage(self, context: ExceptionContext) -> None:
        self._is_damaged |= loss(context.original_exception) == DAMAGED

    def ping(self) -> None:
        """Send a query to the database. Raises SQLAlchemyError if it does not answer."""
        with self.engine.connect() as connection:
            connection.execute(select(1))

    def takes_writes(self) -> bool:
        """Return whether the database accepts writes. On SQLite, waits for other writers.

        Raises SQLAlchemyError if the database does not answer, or PostgreSQL's disk is full.
        """
        with self.write() as session:
            if self.engine.dialect.name != "postgresql":
                return session.scalar(select(1)) == 1
            if session.scalar(select(func.current_setting("transaction_read_only"))) != "off":
                return False
            session.execute(_LITTLE_MEMORY)
            return session.scalar(_WRITE_TEMPORARY_FILE) is not None

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def read_once(session: Session, key: tuple[object, ...], read: Callable[[], Result]) -> Result:
    """Return the result of a query, which a reading session sends once: it sees one state.

    A session that writes sends it each time.
    """
    results: dict[tuple[object, ...], Result] | None = session.info.get(_READ)
    if results is None:
        return read()
    if key not in results:
        results[key] = read()
    return results[key]


def moment(session: Session) -> int:
    """Return the time by the database's clock, for several writes of one transaction."""
    return session.scalar(select(now_ms())) or 0


def take_turn(session: Session, activity: str, *, wait: bool = True) -> bool:
    """Lock an activity until the end of the transaction: others that lock it wait.

    Without `wait`, returns False if another transaction has the lock. SQLite has one writer at a
    time and needs no lock.
    """
    if session.get_bind().dialect.name != "postgresql":
        return True
    turn = func.hashtext(f"lab: {activity}")
    if not wait:
        return bool(session.scalar(select(func.pg_try_advisory_xact_lock(turn))))
    session.execute(select(func.pg_advisory_xact_lock(turn)))
    return True


def _ignore(_: object) -> None:
    """Do nothing before or after a commit."""


def insert_for(
    dialect: str, table: type[DeclarativeBase]
) -> postgresql_dialect.Insert | sqlite_dialect.Insert:
    """Return an INSERT that supports ON CONFLICT, for which each dialect has a class."""
    if dialect == "sqlite":
        return sqlite_dialect.insert(table)
    return postgresql_dialect.insert(table)

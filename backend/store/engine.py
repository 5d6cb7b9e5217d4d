"""One engine for SQLite and PostgreSQL, and the two kinds of transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Connection, Engine, create_engine, event, func, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.sql.functions import FunctionElement

AWAY = (OperationalError, InterfaceError, PoolTimeout)  # the database cannot be used for now

SQLSTATE_DISK_FULL = "53100"
BUSY_TIMEOUT_SECONDS = 30
POOL_SECONDS = 5  # who waits longer for a connection is told that the database does not answer
# A server that fell silent, or a network that lost it, is noticed within about ten seconds.
POSTGRESQL = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


def is_out_of_room(error: Exception) -> bool:
    """Whether the database refused a write as its disk is full."""
    cause = getattr(error, "orig", None)
    name = getattr(cause, "sqlite_errorname", None)
    return name == "SQLITE_FULL" or getattr(cause, "sqlstate", None) == SQLSTATE_DISK_FULL


class now_ms(FunctionElement[int]):  # noqa: N801 - reads as the SQL function it is
    """The database server's clock, in milliseconds since 1970: one clock for all processes."""

    type = BigInteger()
    inherit_cache = True


@compiles(now_ms, "sqlite")
def _sqlite_now(*_: Any, **__: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER)"


@compiles(now_ms, "postgresql")
def _postgresql_now(*_: Any, **__: Any) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"


class Database:
    """An engine with one way to read and one way to write.

    `connections`, if given, bounds those to PostgreSQL: whoever needs one more waits for it.
    """

    def __init__(self, url: str, *, connections: int | None = None) -> None:
        if url.startswith("postgresql://"):
            url = url.replace("postgresql://", "postgresql+psycopg://", 1)
        if url.startswith("sqlite:///"):
            Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        self.engine = _engine(url, connections)
        # one state for all statements, as SQLite gives every transaction
        self._reader = self.engine
        if self.engine.dialect.name == "postgresql":
            self._reader = self.engine.execution_options(isolation_level="REPEATABLE READ")
        self._writer = self.engine.execution_options(lab_writes=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that sees one consistent state and changes nothing."""
        with Session(self._reader) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a session in one transaction: committed at the end, undone on an exception."""
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    def ping(self) -> None:
        """Ask the database for an answer. Raises SQLAlchemyError if there is none."""
        with self.engine.connect() as connection:
            connection.execute(select(1))

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def moment(session: Session) -> int:
    """Return what `now_ms` says, once for all that a transaction writes."""
    return session.scalar(select(now_ms())) or 0


def take_turn(session: Session, what: str) -> None:
    """Let transactions that do the same thing follow each other: the next waits for this one's end.

    SQLite's writers do so anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"lab: {what}"))))


def insert_for(dialect: str, table: type[DeclarativeBase]) -> Any:
    """Return an INSERT that can be made an upsert, which each dialect has of its own."""
    return (sqlite_insert if dialect == "sqlite" else postgresql_insert)(table)


def _engine(url: str, connections: int | None) -> Engine:
    if not url.startswith("sqlite"):
        pool = {"pool_size": connections, "max_overflow": 0} if connections else {}
        return create_engine(
            url, pool_pre_ping=True, pool_timeout=POOL_SECONDS, connect_args=POSTGRESQL, **pool
        )
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})
    event.listen(engine, "connect", _sqlite_pragmas)
    event.listen(engine, "begin", _sqlite_begin)
    return engine


def _sqlite_pragmas(connection: Any, _record: Any) -> None:
    """Prepare a SQLite connection.

    WAL lets readers go on while one writes; NORMAL is safe against a killed process, and with WAL
    against a corrupt file too. isolation_level None hands BEGIN to us: sqlite3's own is deferred,
    and a deferred transaction that turns writer fails at once when another one wrote meanwhile.
    """
    connection.isolation_level = None
    # the first of them counts only before a new file has its first page
    pragmas = ("auto_vacuum=INCREMENTAL", "journal_mode=WAL", "synchronous=NORMAL")
    for pragma in (*pragmas, "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("lab_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

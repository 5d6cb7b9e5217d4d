"""One door to SQLite and PostgreSQL, and the two kinds of transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, func, select, text
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.sql.functions import FunctionElement

from backend.store.connections import make_engine


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


# On PostgreSQL's disk for as long as it takes: 0.7 MB, in the temporary files of a database, which
# no other session sees and nothing has to tidy up.
_LITTLE_MEMORY = text("SELECT set_config('work_mem', '64kB', true)")
_FILL_SOME_ROOM = text("SELECT count(*) FROM generate_series(1, 50000)")


class Database:
    """An engine with one way to read and one way to write.

    `connections`, if given, bounds those to PostgreSQL: whoever needs one more waits for it.
    `transaction_seconds` bounds each transaction there (from version 17), so that one whose client
    sleeps in the middle of a statement does not keep its locks.
    """

    def __init__(
        self,
        url: str,
        *,
        connections: int | None = None,
        transaction_seconds: float | None = None,
    ) -> None:
        if url.startswith("postgresql://"):
            url = url.replace("postgresql://", "postgresql+psycopg://", 1)
        if url.startswith("sqlite:///"):
            Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        self.engine = make_engine(url, connections, transaction_seconds)
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

    def takes_writes(self) -> bool:
        """Whether it lets us write; SQLite answers once nobody else writes.

        Raises SQLAlchemyError if it does not answer, or PostgreSQL finds no room on its disk.
        """
        with self.write() as session:
            if self.engine.dialect.name != "postgresql":
                return session.scalar(select(1)) == 1
            if session.scalar(select(func.current_setting("transaction_read_only"))) != "off":
                return False
            session.execute(_LITTLE_MEMORY)
            return session.scalar(_FILL_SOME_ROOM) is not None

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def moment(session: Session) -> int:
    """Return what `now_ms` says, once for all that a transaction writes."""
    return session.scalar(select(now_ms())) or 0


def take_turn(session: Session, what: str, *, wait: bool = True) -> bool:
    """Let transactions that do the same thing follow each other: the next waits for this one's end.

    Returns whether it is our turn: False, without `wait`, where it is another's. SQLite's writers
    follow each other anyway.
    """
    if session.get_bind().dialect.name != "postgresql":
        return True
    turn = func.hashtext(f"lab: {what}")
    if not wait:
        return bool(session.scalar(select(func.pg_try_advisory_xact_lock(turn))))
    session.execute(select(func.pg_advisory_xact_lock(turn)))
    return True


def insert_for(dialect: str, table: type[DeclarativeBase]) -> Any:
    """Return an INSERT that can be made an upsert, which each dialect has of its own."""
    return (sqlite_insert if dialect == "sqlite" else postgresql_insert)(table)

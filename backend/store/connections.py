"""Connections to SQLite and PostgreSQL, prepared alike, and how they fail."""

from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

UNREACHABLE = (OperationalError, InterfaceError, PoolTimeout)  # the database cannot be used for now

SQLSTATE_DISK_FULL = "53100"
SQLSTATE_READ_ONLY = "25006"  # as a standby is
SQLSTATE_LOCKED = "55P03"  # waited for a lock as long as BUSY_TIMEOUT_SECONDS
SQLSTATES_AWAY = (SQLSTATE_READ_ONLY, "25P03", "25P04")  # slept between two statements, or in one
TRANSACTION_TIMEOUT_SINCE = 170000  # the version of PostgreSQL that knows it
BUSY_TIMEOUT_SECONDS = 30  # for what another one locks: SQLite's file, PostgreSQL's rows
POOL_SECONDS = 5  # who waits longer for a connection is told that the database does not answer
# A server that fell silent, or a network that lost it, is noticed within about ten seconds.
POSTGRESQL = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
# The server notices as soon that a client is gone, and ends the transaction of one that sleeps in
# it: their locks would keep the keeper from giving their runs to others.
SESSION = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "idle_in_transaction_session_timeout": "30000",
    "lock_timeout": f"{BUSY_TIMEOUT_SECONDS * 1000}",
}


def is_disk_full(error: Exception) -> bool:
    """Whether the database refused a write as its disk is full."""
    cause = getattr(error, "orig", None)
    name = getattr(cause, "sqlite_errorname", None)
    return name == "SQLITE_FULL" or getattr(cause, "sqlstate", None) == SQLSTATE_DISK_FULL


def is_read_only(error: Exception) -> bool:
    """Whether the database refused a write that it would not refuse at another time."""
    cause = getattr(error, "orig", None)
    locked = getattr(cause, "sqlite_errorname", None) == "SQLITE_BUSY"
    return locked or getattr(cause, "sqlstate", None) in (SQLSTATE_READ_ONLY, SQLSTATE_LOCKED)


def reason(error: Exception) -> str:
    """Return in one line what the database's driver said, without the statement and a traceback."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


def make_engine(url: str, connections: int | None, transaction_seconds: float | None) -> Engine:
    """Return an engine; `connections` and `transaction_seconds`, if given, bound PostgreSQL's."""
    if not url.startswith("sqlite"):
        pool = {"pool_size": connections, "max_overflow": 0} if connections else {}
        engine = create_engine(
            url, pool_pre_ping=True, pool_timeout=POOL_SECONDS, connect_args=POSTGRESQL, **pool
        )
        event.listen(engine, "connect", partial(_postgresql_session, transaction_seconds))
        event.listen(engine, "handle_error", _as_away)
        return engine
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})
    event.listen(engine, "connect", _sqlite_pragmas)
    event.listen(engine, "begin", _sqlite_begin)
    return engine


def _postgresql_session(seconds: float | None, connection: Any, _record: Any) -> None:
    """Prepare a PostgreSQL connection; not by its options, which pools between may refuse."""
    given = dict(SESSION)
    if seconds is not None and connection.info.server_version >= TRANSACTION_TIMEOUT_SINCE:
        given["transaction_timeout"] = f"{seconds * 1e3:.0f}"
    for name, value in given.items():
        connection.execute("SELECT set_config(%s, %s, false)", [name, value])
    connection.commit()


def _as_away(context: ExceptionContext) -> OperationalError | None:
    """Have it told as a lost connection that the server ended one that slept, or only reads.

    The next one may be to another server.
    """
    error, cause = context.sqlalchemy_exception, context.original_exception
    if getattr(cause, "sqlstate", "") not in SQLSTATES_AWAY:
        return None
    context.is_disconnect = True
    statement = error.statement if isinstance(error, DBAPIError) else None
    return OperationalError(statement, None, cause)


def _sqlite_pragmas(connection: Any, _record: Any) -> None:
    """Prepare a SQLite connection.

    WAL lets readers go on while one writes; NORMAL is safe against a killed process, and with WAL
    against a corrupt file too. isolation_level None hands BEGIN to us: sqlite3's own is deferred,
    and a deferred transaction that turns writer fails at once when another one wrote meanwhile.
    """
    connection.isolation_level = None
    if not connection.execute("PRAGMA page_count").fetchone()[0]:
        # it counts only before the first page, and later waits for whoever writes
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("lab_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

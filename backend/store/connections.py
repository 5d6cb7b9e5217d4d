"""Connections to SQLite and PostgreSQL: their settings, and the classification of their errors."""

from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from backend.store.losses import as_unreachable
from backend.store.sqlite_file import SqliteFile
from backend.store.statement_budget import as_exhausted, limit_postgresql, limit_sqlite

UNREACHABLE = (OperationalError, InterfaceError, PoolTimeout)
"""Errors that mean that the database cannot be used at the moment."""

SQLSTATE_DISK_FULL = "53100"
SQLSTATE_READ_ONLY = "25006"  # the server is a standby
SQLSTATE_LOCKED = "55P03"  # a lock was not granted within BUSY_TIMEOUT_SECONDS
SQLSTATE_IDLE = "25P03"  # the client sent no statement for too long
SQLSTATE_TIMEOUT = "25P04"  # the transaction took too long
RECONNECT_STATES = (SQLSTATE_READ_ONLY, SQLSTATE_IDLE, SQLSTATE_TIMEOUT)
TRANSACTION_TIMEOUT_SINCE = 170000  # the first version of PostgreSQL that supports it
_FILES = "files"  # in the info of a connection
BUSY_TIMEOUT_SECONDS = 30  # to wait for a lock: of the file in SQLite, of rows in PostgreSQL
POOL_TIMEOUT_SECONDS = 5  # without a connection after this, a request gets a 503
# These settings detect an unresponsive server or network within about ten seconds.
CLIENT_SETTINGS = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
# With these settings the server detects a lost client as fast, and ends the transaction of a client
# that hangs in it. Otherwise their locks would keep the scheduler from taking their runs back.
SESSION_SETTINGS = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "idle_in_transaction_session_timeout": "30000",
    "lock_timeout": f"{BUSY_TIMEOUT_SECONDS * 1000}",
}


def is_disk_full(error: Exception) -> bool:
    """Return whether the database refused a write because its disk is full."""
    cause = getattr(error, "orig", None)
    name = getattr(cause, "sqlite_errorname", None)
    return name == "SQLITE_FULL" or getattr(cause, "sqlstate", None) == SQLSTATE_DISK_FULL


def is_read_only(error: Exception) -> bool:
    """Return whether the database refused a write for now: it is read-only, or locked."""
    cause = getattr(error, "orig", None)
    locked = getattr(cause, "sqlite_errorname", None) == "SQLITE_BUSY"
    return locked or getattr(cause, "sqlstate", None) in (SQLSTATE_READ_ONLY, SQLSTATE_LOCKED)


def reason(error: Exception) -> str:
    """Return the message of the database driver in one line, without statement and traceback."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


def make_engine(
    url: str, connections: int | None, transaction_seconds: float | None, *, must_exist: bool
) -> Engine:
    """Return an engine. `connections` and `transaction_seconds` set limits for PostgreSQL.

    Without `must_exist`, a missing SQLite file is created.
    """
    if not url.startswith("sqlite"):
        pool = {"pool_size": connections, "max_overflow": 0} if connections else {}
        engine = create_engine(
            url,
            pool_pre_ping=True,
            pool_timeout=POOL_TIMEOUT_SECONDS,
            connect_args=CLIENT_SETTINGS,
            **pool,
        )
        event.listen(engine, "connect", partial(_postgresql_session, transaction_seconds))
        event.listen(engine, "handle_error", _treat_as_disconnect)
        event.listen(engine, "begin", limit_postgresql)
        return engine
    file = SqliteFile(
        Path(url.removeprefix("sqlite:///")),
        must_exist=must_exist,
        timeout_seconds=BUSY_TIMEOUT_SECONDS,
    )
    engine = create_engine(url, creator=file.connect)
    event.listen(engine, "connect", _sqlite_pragmas)
    event.listen(engine, "connect", partial(_identify, file))
    event.listen(engine, "begin", partial(_sqlite_begin, file))
    event.listen(engine, "commit", partial(_check_files, file))
    event.listen(engine, "handle_error", _treat_as_unreachable)
    return engine


def _postgresql_session(
    seconds: float | None, connection: DBAPIConnection, _record: object
) -> None:
    """Set up a PostgreSQL session by statements: connection poolers may reject options."""
    settings = dict(SESSION_SETTINGS)
    if seconds is not None and connection.info.server_version >= TRANSACTION_TIMEOUT_SINCE:
        settings["transaction_timeout"] = f"{seconds * 1e3:.0f}"
    for name, value in settings.items():
        connection.execute("SELECT set_config(%s, %s, false)", [name, value])
    connection.commit()


def _treat_as_disconnect(context: ExceptionContext) -> Exception | None:
    """Report a session that the server ended, or a read-only server, as a lost connection.

    The next connection may reach another server.
    """
    if exhausted := as_exhausted(context):
        return exhausted
    error, cause = context.sqlalchemy_exception, context.original_exception
    if getattr(cause, "sqlstate", "") not in RECONNECT_STATES:
        return as_unreachable(error)
    context.is_disconnect = True
    statement = error.statement if isinstance(error, DBAPIError) else None
    return OperationalError(statement, None, cause)


def _sqlite_pragmas(connection: DBAPIConnection, _record: object) -> None:
    """Set up a SQLite connection.

    With WAL, readers continue while one connection writes. NORMAL is safe against a killed process
    and, with WAL, against a corrupt file. isolation_level None leaves BEGIN to `_sqlite_begin`: the
    BEGIN of sqlite3 is deferred, and a deferred transaction that starts to write fails immediately
    if another connection has written since.
    """
    connection.isolation_level = None
    if not connection.execute("PRAGMA page_count").fetchone()[0]:
        # only has an effect before the first page is written
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _treat_as_unreachable(context: ExceptionContext) -> Exception | None:
    return as_exhausted(context) or as_unreachable(context.sqlalchemy_exception)


def _identify(file: SqliteFile, _connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    """Remember the files of a new connection, after its pragmas have opened them."""
    record.info[_FILES] = file.identify()


def _check_files(file: SqliteFile, connection: Connection) -> None:
    """Raise OperationalError if the files of a connection were removed or replaced."""
    file.check(connection.info[_FILES])


def _sqlite_begin(file: SqliteFile, connection: Connection) -> None:
    _check_files(file, connection)
    writes = connection.get_execution_options().get("lab_writes", False)
    limit_sqlite(connection, writes=writes)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

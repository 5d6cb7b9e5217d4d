"""Write a backup: one SQLite file with the state of the whole database at one moment.

A backup is written while the product runs and does not block writers: from SQLite with `VACUUM
INTO` in one read transaction, from PostgreSQL row by row in one REPEATABLE READ snapshot. The table
`backup` in the file holds the schema and version that wrote it, and a digest of each table.
"""

import glob
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from struct import pack
from typing import Any, NamedTuple

from sqlalchemy import JSON, Engine, MetaData, Select, Table, cast, create_engine, select, text
from sqlalchemy import Text as SqlText
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from backend import __version__
from backend.errors import Conflict, InvalidInput, Unavailable
from backend.store import schema
from backend.store.connections import reason
from backend.store.engine import Database
from backend.store.losses import damaged, is_damaged, loss

MANIFEST = "backup"
NOT_COPIED = ("alembic_version", "installation", MANIFEST)  # each database has its own
_CREATE_MANIFEST = f"CREATE TABLE {MANIFEST} (name TEXT PRIMARY KEY, value TEXT NOT NULL)"
# A backup gives nobody access, and restoring one does not bring back a revoked token.
NOT_IN_BACKUPS = ("tokens", "browser_sessions")
ROWS_PER_READ = 20  # a row may hold a model of 8 MB


def write(database: Database, path: Path) -> dict[str, int]:
    """Write a backup to `path`, completely or not at all; return the number of rows per table.

    Raises Conflict if the file exists, InvalidInput if its folder does not exist or the schema is
    unknown, Unavailable if the file cannot be written, and OperationalError if the database cannot
    be read.
    """
    if not path.parent.is_dir():
        raise InvalidInput(
            f"{path.parent} is not a folder; accepted: a file name in an existing folder."
        )
    if path.exists():
        raise Conflict(f"{path} already exists; a backup does not overwrite files.")
    revision = schema.revision(database)
    if revision not in schema.known():
        raise InvalidInput(schema.refusal(revision))
    with _unfinished_file(path) as unfinished:
        if database.engine.dialect.name == "sqlite":
            _vacuum_into(database, unfinished)
        else:
            _copy(database, unfinished, revision)
        return _seal(unfinished, revision)


def _vacuum_into(database: Database, path: Path) -> None:
    """Copy a SQLite database. Raises OperationalError if it is damaged, not the copy."""
    with database.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        try:
            driver.execute("VACUUM INTO ?", [str(path)])
        except sqlite3.Error as error:
            if is_damaged(error):
                raise damaged(reason(error)) from error
            raise


@contextmanager
def _unfinished_file(path: Path) -> Iterator[Path]:
    """Yield a temporary file that is renamed to `path` at the end, or removed after an error."""
    # the name has the process id, because another process may write to the same path
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        yield unfinished
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
    except (sqlite3.Error, DBAPIError, OSError) as error:
        if isinstance(error, DBAPIError) and (
            loss(error) or not isinstance(error.orig, sqlite3.Error)
        ):
            raise  # an error of the source
        raise Unavailable(f"{path} cannot be written: {reason(error)}.") from error
    finally:
        # SQLite may have left files next to it, with an ending after its name
        for leftover in path.parent.glob(f"{glob.escape(unfinished.name)}*"):
            with suppress(OSError):
                leftover.unlink()


def _copy(database: Database, path: Path, revision: str) -> None:
    """Copy a PostgreSQL database into a new SQLite file with the same schema."""
    copy = Database(f"sqlite:///{path}")
    try:
        schema.migrate(copy, revision)
        tables = reflected(copy.engine)
        with copy.write() as target:
            target.execute(
                text("PRAGMA defer_foreign_keys=ON")
            )  # a follow-up may precede its parent
            _copy_tables(database, target, tables)
    finally:
        copy.dispose()


def _copy_tables(database: Database, target: Session, tables: list[Table]) -> None:
    """Copy all rows, then close the source: a commit may take longer than its idle timeout."""
    with database.read() as source:
        for table in tables:
            _copy_rows(source, target, table)


def _copy_rows(source: Session, target: Session, table: Table) -> None:
    marks = ", ".join("?" * len(table.columns))
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    insert = f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})'  # noqa: S608 - reflected
    streamed = source.connection().execution_options(stream_results=True, yield_per=ROWS_PER_READ)
    for rows in streamed.execute(select_raw(table)).partitions(ROWS_PER_READ):
        target.connection().exec_driver_sql(insert, [tuple(row) for row in rows])


def select_raw(table: Table) -> Select[Any]:
    """Select all columns of a table, JSON as its stored text."""
    return select(
        *(
            cast(column, SqlText) if isinstance(column.type, JSON) else column
            for column in table.columns
        )
    )


def reflected(engine: Engine) -> list[Table]:
    """Return the tables of a database that backups hold, ordered by their foreign keys."""
    metadata = MetaData()
    metadata.reflect(engine)
    others = (*NOT_COPIED, *NOT_IN_BACKUPS)
    return [table for table in metadata.sorted_tables if table.name not in others]


def _seal(path: Path, revision: str) -> dict[str, int]:
    """Write the manifest of a backup; return the number of rows per table."""
    engine = create_engine(f"sqlite:///{path}")
    names = [table.name for table in reflected(engine)]
    engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")  # one file, without a write-ahead log
        _empty_secret_tables(connection)
        digests = {name: Digest.of(connection, name) for name in names}
        manifest = {
            "schema": revision,
            "version": __version__,
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            **{f"table {name}": json.dumps(digest) for name, digest in digests.items()},
        }
        with connection:
            # a backup that was used directly as a database already has a manifest
            connection.execute(f"DROP TABLE IF EXISTS {MANIFEST}")
            connection.execute(_CREATE_MANIFEST)
            connection.executemany(f"INSERT INTO {MANIFEST} VALUES (?, ?)", manifest.items())  # noqa: S608
    return {name: digest.rows for name, digest in digests.items()}


def _empty_secret_tables(connection: sqlite3.Connection) -> None:
    """Remove the rows of the tables that backups do not hold, so that no page keeps them."""
    present = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    connection.execute("PRAGMA secure_delete=ON")
    with connection:
        for (name,) in present:
            if name in NOT_IN_BACKUPS:
                connection.execute(f"DELETE FROM {name}")  # noqa: S608 - one of NOT_IN_BACKUPS


class Digest(NamedTuple):
    """The number of rows of a table in a SQLite file, and their SHA-256 in primary-key order."""

    rows: int
    sha256: str

    @classmethod
    def of(cls, connection: sqlite3.Connection, table: str) -> "Digest":
        """Compute the digest of a table, which reads all of it."""
        columns = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
        names = ", ".join(f'"{name}"' for _, name, *_ in columns)
        key_columns = sorted(filter(_key_position, columns), key=_key_position)
        keys = [name for _, name, *_ in key_columns]
        order = ", ".join(f'"{name}"' for name in keys)
        hashed, rows = sha256(names.encode()), 0
        for row in connection.execute(f'SELECT {names} FROM "{table}" ORDER BY {order}'):  # noqa: S608 - reflected
            rows += 1
            for value in row:
                hashed.update(_bytes(value))
        return cls(rows, hashed.hexdigest())


def _key_position(column: tuple[int, str, str, int, object, int]) -> int:
    """Return the position of a column in the primary key, 0 if it is not part of it."""
    return column[5]


def _bytes(value: int | float | str | bytes | None) -> bytes:
    """Encode a value unambiguously: different values and different rows have different bytes."""
    match value:
        case None:
            return b"n"
        case int():
            return b"i%d;" % value
        case float():
            return b"f" + pack("<d", value)
        case str():
            value = value.encode()
            return b"s%d;" % len(value) + value
        case _:
            return b"b%d;" % len(value) + value

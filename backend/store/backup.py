"""A backup: one SQLite file that holds the whole database as it was at one moment.

Made while the product runs, of SQLite (`VACUUM INTO`, one read transaction) and of PostgreSQL (one
REPEATABLE READ snapshot, read row by row): whoever writes meanwhile does not wait. Its own table
`backup` says with which schema and version it was made, and of each table how many rows it has
and their SHA-256.
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

from sqlalchemy import JSON, MetaData, Table, cast, create_engine, select, text
from sqlalchemy import Text as SqlText
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from backend import __version__
from backend.errors import Conflict, InvalidInput, Unavailable
from backend.store import schema
from backend.store.connections import reason
from backend.store.engine import Database

MANIFEST = "backup"
_MADE = f"CREATE TABLE {MANIFEST} (name TEXT PRIMARY KEY, value TEXT NOT NULL)"
ROWS_AT_ONCE = 20  # a row may hold a model of 8 MB


def write(database: Database, path: Path) -> dict[str, int]:
    """Write a backup to `path`, all or nothing; return how many rows each table has.

    Raises Conflict when the file exists, InvalidInput when its folder does not or the schema is not
    a known one, Unavailable when it cannot be written.
    """
    if not path.parent.is_dir():
        raise InvalidInput(
            f"{path.parent} is no folder; a backup is written into one that is there."
        )
    if path.exists():
        raise Conflict(f"{path} exists; a backup is written to a file of its own.")
    revision = schema.revision(database)
    if revision not in schema.known():
        raise InvalidInput(schema.refusal(revision))
    with _beside(path) as unfinished:
        if database.engine.dialect.name == "sqlite":
            with database.engine.connect() as connection:
                connection.connection.driver_connection.execute("VACUUM INTO ?", [str(unfinished)])  # type: ignore[union-attr]
        else:
            _copy(database, unfinished, revision)
        return _seal(unfinished, revision)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Yield a file to fill, which takes the place of `path` at the end, or is removed."""
    # under the process's own name, as another one may write to the same path
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        yield unfinished
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
    except (sqlite3.Error, DBAPIError, OSError) as error:
        if isinstance(error, DBAPIError) and not isinstance(error.orig, sqlite3.Error):
            raise  # of PostgreSQL, which is read
        raise Unavailable(f"{path} cannot be written: {reason(error)}.") from error
    finally:
        for left in path.parent.glob(f"{glob.escape(unfinished.name)}*"):  # with SQLite's journals
            with suppress(OSError):
                left.unlink()


def _copy(database: Database, path: Path, revision: str) -> None:
    """Copy a PostgreSQL database into a new SQLite file of the same schema."""
    copy = Database(f"sqlite:///{path}")
    try:
        schema.migrate(copy, revision)
        tables = reflected(copy.engine)
        with copy.write() as target:
            target.execute(text("PRAGMA defer_foreign_keys=ON"))  # a follow-up may come first
            _copy_tables(database, target, tables)
    finally:
        copy.dispose()


def _copy_tables(database: Database, target: Session, tables: list[Table]) -> None:
    """Copy all rows, and let go of the source: the commit may take longer than it lets us idle."""
    with database.read() as source:
        for table in tables:
            _copy_rows(source, target, table)


def _copy_rows(source: Session, target: Session, table: Table) -> None:
    marks = ", ".join("?" * len(table.columns))
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    insert = f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})'  # noqa: S608 - reflected
    found = source.connection().execution_options(stream_results=True, yield_per=ROWS_AT_ONCE)
    for some in found.execute(plain(table)).partitions(ROWS_AT_ONCE):
        target.connection().exec_driver_sql(insert, [tuple(row) for row in some])


def plain(table: Table) -> Any:
    """Select all of a table, JSON as the text that it is."""
    return select(
        *(cast(each, SqlText) if isinstance(each.type, JSON) else each for each in table.columns)
    )


def reflected(engine: Any) -> list[Table]:
    """Return the tables of a database as they are, those that others refer to first."""
    metadata = MetaData()
    metadata.reflect(engine)
    return [
        each for each in metadata.sorted_tables if each.name not in ("alembic_version", MANIFEST)
    ]


def _seal(path: Path, revision: str) -> dict[str, int]:
    """Note in a backup what it holds."""
    engine = create_engine(f"sqlite:///{path}")
    names = [table.name for table in reflected(engine)]
    engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")  # one file, complete in itself
        tables = {name: Digest.of(connection, name) for name in names}
        about = {
            "schema": revision,
            "version": __version__,
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            **{f"table {name}": json.dumps(found) for name, found in tables.items()},
        }
        with connection:
            connection.execute(f"DROP TABLE IF EXISTS {MANIFEST}")  # a backup put in place by hand
            connection.execute(_MADE)
            connection.executemany(f"INSERT INTO {MANIFEST} VALUES (?, ?)", about.items())  # noqa: S608
    return {name: found.rows for name, found in tables.items()}


class Digest(NamedTuple):
    """The rows of one table of a SQLite file, in the order of their primary keys."""

    rows: int
    sha256: str

    @classmethod
    def of(cls, connection: sqlite3.Connection, table: str) -> "Digest":
        """Read a table from end to end."""
        described = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
        names = ", ".join(f'"{name}"' for _, name, *_ in described)
        keys = [name for _, name, _, _, _, place in sorted(described, key=_place) if place]
        order = ", ".join(f'"{name}"' for name in keys)
        hashed, rows = sha256(names.encode()), 0
        for row in connection.execute(f'SELECT {names} FROM "{table}" ORDER BY {order}'):  # noqa: S608 - our own tables
            rows += 1
            for value in row:
                hashed.update(_bytes(value))
        return cls(rows, hashed.hexdigest())


def _place(described: tuple[Any, ...]) -> int:
    return int(described[5])


def _bytes(value: int | float | str | bytes | None) -> bytes:
    """Write a value so that no two different ones, nor two rows of them, are written alike."""
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

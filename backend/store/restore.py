"""A backup becomes the database again: of SQLite or of PostgreSQL, whichever it was made of.

The backup is checked, brought to the newest schema in a copy, and written into an empty database
in one transaction: killed midway, that database is empty still. What workers and open pages hold of
the time after the backup is of no use any more.
"""

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Boolean, Connection, Table, func, select, text
from sqlalchemy.orm import Session

from backend.errors import Conflict, InvalidInput
from backend.store import changes, schema, transitions
from backend.store.backup import MANIFEST, Digest, reflected
from backend.store.changes import NewChange
from backend.store.engine import Database

ROWS_AT_ONCE = 20  # a row may hold a model of 8 MB


def read(path: Path, database: Database) -> dict[str, int]:
    """Fill an empty database from a backup; return how many rows each table has now.

    Raises InvalidInput for what is no backup, is damaged or has a schema that is not known, and
    Conflict when the database is not empty.
    """
    revision = _check(path)
    with _newest(path, revision) as source:
        schema.migrate(database)
        tables = reflected(source.engine)
        with database.write() as target:
            _lock(target)
            for table in tables:
                if target.execute(select(text("1")).select_from(table).limit(1)).first():
                    raise Conflict(f"the database is not empty: it has {table.name}; nothing done")
            rows = {table.name: _fill(source, target, table) for table in tables}
            _part_from_the_past(target)
    return rows


def _check(path: Path) -> str:
    """Return the schema of a backup that is whole."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            said = connection.execute(f"SELECT name, value FROM {MANIFEST}")  # noqa: S608
            about: dict[str, str] = dict(said.fetchall())
            revision = about.get("schema", "")
            if revision not in schema.known():
                raise InvalidInput(f"{path}: {schema.refusal(revision, about.get('version'))}")
            for name, digest in about.items():
                kind, _, table = name.partition(" ")
                if kind == "table" and list(Digest.of(connection, table)) != json.loads(digest):
                    raise InvalidInput(f"{path} is damaged: {table} is not as it was written.")
    except (sqlite3.Error, OSError) as error:
        raise InvalidInput(f"{path} is no backup, or cannot be read: {error}.") from error
    return revision


@contextmanager
def _newest(path: Path, revision: str) -> Iterator[Database]:
    """Yield a copy of a backup that has the newest schema."""
    with tempfile.TemporaryDirectory(prefix="lab-restore-") as folder:
        copy = Path(folder) / "backup.db"
        shutil.copyfile(path, copy)
        source = Database(f"sqlite:///{copy}")
        try:
            with source.write() as session:
                session.execute(text(f"DROP TABLE {MANIFEST}"))
            if revision != schema.newest():
                schema.migrate(source)
            yield source
        finally:
            source.dispose()


def _lock(session: Session) -> None:
    """Keep others from writing until the end. On SQLite the transaction does so by itself."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE experiments IN EXCLUSIVE MODE"))
    else:
        session.execute(text("PRAGMA defer_foreign_keys=ON"))


def _part_from_the_past(session: Session) -> None:
    """Have workers and readers, who may be beyond the backup, begin anew."""
    changes.skip_revisions(session)
    moved = transitions.revoke_all_leases(session)
    changes.log_each(
        session, [(one.experiment_id, NewChange(one.run_id, "status")) for one in moved]
    )


def _fill(source: Database, target: Session, table: Table) -> int:
    """Copy a table; raise InvalidInput when not all has arrived."""
    connection = target.connection()
    write = _copied if connection.dialect.name == "postgresql" else _inserted
    with source.engine.connect() as reading:
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        rows = reading.exec_driver_sql(f'SELECT {names} FROM "{table.name}"')  # noqa: S608 - reflected
        expected = write(connection, table, names, rows.yield_per(ROWS_AT_ONCE))
    arrived = connection.scalar(select(func.count()).select_from(table))
    if arrived != expected:
        raise InvalidInput(f"{table.name} could not be restored: {arrived} of {expected} rows.")
    return int(arrived or 0)


def _inserted(connection: Connection, table: Table, names: str, rows: Any) -> int:
    marks = ", ".join("?" * len(table.columns))
    insert = f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})'  # noqa: S608 - reflected
    count = 0
    for some in rows.partitions():
        connection.exec_driver_sql(insert, [tuple(row) for row in some])
        count += len(some)
    return count


def _copied(connection: Connection, table: Table, names: str, rows: Any) -> int:
    kinds = [bool if isinstance(column.type, Boolean) else None for column in table.columns]
    driver: Any = connection.connection.driver_connection
    count = 0
    with (
        driver.cursor() as cursor,
        cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy,
    ):
        for row in rows:
            copy.write_row([_typed(*pair) for pair in zip(row, kinds, strict=True)])
            count += 1
    if "id" in table.columns:  # what comes next has a higher number
        connection.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), max(id))"  # noqa: S608
                f' FROM "{table.name}" HAVING max(id) IS NOT NULL'
            )
        )
    return count


def _typed(value: Any, kind: type[bool] | None) -> Any:
    return kind(value) if kind and value is not None else value

"""Restore a backup of SQLite or PostgreSQL into an empty database of either kind.

The backup is verified, a copy of it is migrated to the newest schema, and its rows are written in
one transaction: if the process is killed, the database is still empty. Leases of workers and
revisions of open pages from after the backup become invalid.
"""

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Boolean, Connection, CursorResult, Table, func, select, text
from sqlalchemy.orm import Session

from backend.errors import Conflict, InvalidInput
from backend.store import changes, schema, transitions
from backend.store.backup import (
    MANIFEST,
    NOT_COPIED,
    NOT_IN_BACKUPS,
    ROWS_PER_READ,
    Digest,
    reflected,
)
from backend.store.changes import NewChange
from backend.store.engine import Database
from backend.store.restore_checks import table_problems, value_problems

if TYPE_CHECKING:
    import psycopg


def read(path: Path, database: Database, *, verdicts: Collection[str]) -> dict[str, int]:
    """Fill an empty database from a backup; return the number of rows per table.

    `verdicts` are the names that a diagnosis may give. Raises InvalidInput if the file is not a
    backup, is damaged, has an unknown schema or holds impossible values, and Conflict if the
    database is not empty.
    """
    revision = _check(path)
    with _newest(path, revision) as source:
        _check_values(path, source, verdicts)
        schema.migrate(database)
        tables = reflected(source.engine)
        with database.write() as target:
            _lock(target)
            for table in tables:
                if target.execute(select(text("1")).select_from(table).limit(1)).first():
                    raise Conflict(
                        f"The database is not empty: it has {table.name}. Nothing was restored."
                    )
            rows = {table.name: _fill(source, target, table) for table in tables}
            _invalidate_leases_and_revisions(target)
    return rows


def _check(path: Path) -> str:
    """Verify the digests of a backup; return the revision of its schema."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute(f"SELECT name, value FROM {MANIFEST}")  # noqa: S608
            manifest: dict[str, str] = dict(rows.fetchall())
            revision = manifest.get("schema", "")
            if revision not in schema.known():
                raise InvalidInput(f"{path}: {schema.refusal(revision, manifest.get('version'))}")
            _check_digests(path, connection, manifest)
    except (sqlite3.Error, OSError) as error:
        raise InvalidInput(f"{path} is not a backup, or cannot be read: {error}.") from error
    return revision


def _check_digests(path: Path, connection: sqlite3.Connection, manifest: dict[str, str]) -> None:
    """Compare every table with its digest. Raises InvalidInput."""
    prefix = "table "
    digests = {
        name.removeprefix(prefix): digest
        for name, digest in manifest.items()
        if name.startswith(prefix)
    }
    left_out = (*NOT_COPIED, *NOT_IN_BACKUPS)
    if problem := next(table_problems(connection, digests, left_out), None):
        raise InvalidInput(f"{path} is not a complete backup: {problem}.")
    for table, digest in digests.items():
        try:
            expected = json.loads(digest)
        except ValueError:
            raise InvalidInput(
                f"{path} is damaged: the digest of the table {table} in its manifest is no JSON."
            ) from None
        if list(Digest.of(connection, table)) != expected:
            raise InvalidInput(
                f"{path} is damaged: the table {table} has changed since it was written."
            )


def _check_values(path: Path, source: Database, verdicts: Collection[str]) -> None:
    """Raise InvalidInput for a value that this version cannot have written."""
    with source.read() as session:
        if problem := next(value_problems(session, verdicts), None):
            raise InvalidInput(f"{path} has an impossible value: {problem}. Nothing was restored.")


@contextmanager
def _newest(path: Path, revision: str) -> Iterator[Database]:
    """Yield a copy of a backup, migrated to the newest schema."""
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
    """Keep others from writing until the commit. On SQLite the transaction does so anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE experiments IN EXCLUSIVE MODE"))
    else:
        session.execute(text("PRAGMA defer_foreign_keys=ON"))


def _invalidate_leases_and_revisions(session: Session) -> None:
    """Invalidate the leases and revisions that were issued after the backup."""
    changes.skip_revisions(session)
    moved = transitions.revoke_all_leases(session)
    changes.log_each(
        session, [(run.experiment_id, NewChange(run.run_id, "status")) for run in moved]
    )


def _fill(source: Database, target: Session, table: Table) -> int:
    """Copy a table. Raises InvalidInput if rows are missing afterwards."""
    connection = target.connection()
    write = _copy_rows if connection.dialect.name == "postgresql" else _insert_rows
    with source.engine.connect() as reader:
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        rows = reader.exec_driver_sql(f'SELECT {names} FROM "{table.name}"')  # noqa: S608 - reflected
        expected = write(connection, table, names, rows.yield_per(ROWS_PER_READ))
    arrived = connection.scalar(select(func.count()).select_from(table))
    if arrived != expected:
        raise InvalidInput(f"{table.name} could not be restored: {arrived} of {expected} rows.")
    return int(arrived or 0)


def _insert_rows(connection: Connection, table: Table, names: str, rows: CursorResult[Any]) -> int:
    marks = ", ".join("?" * len(table.columns))
    insert = f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})'  # noqa: S608 - reflected
    count = 0
    for block in rows.partitions():
        connection.exec_driver_sql(insert, [tuple(row) for row in block])
        count += len(block)
    return count


def _copy_rows(connection: Connection, table: Table, names: str, rows: CursorResult[Any]) -> int:
    truths = [isinstance(column.type, Boolean) for column in table.columns]
    driver = cast("psycopg.Connection", connection.connection.driver_connection)
    count = 0
    with (
        driver.cursor() as cursor,
        cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy,
    ):
        for row in rows:
            copy.write_row([_typed(*pair) for pair in zip(row, truths, strict=True)])
            count += 1
    if "id" in table.columns:  # the next row gets a higher id
        connection.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), max(id))"  # noqa: S608
                f' FROM "{table.name}" HAVING max(id) IS NOT NULL'
            )
        )
    return count


def _typed(value: object, truth: bool) -> object:
    """Convert a value of SQLite, which stores a truth value as 0 or 1, for PostgreSQL."""
    return bool(value) if truth and value is not None else value

"""Many rows in one statement, past SQLAlchemy's work on each: a training's time would go there."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Boolean, Float, Integer, LargeBinary
from sqlalchemy.orm import Session

from backend.store.tables import Base

RowValues = tuple[Any, ...]
Key = TypeVar("Key")
IDS_PER_STATEMENT = 1000
STATEMENT_BYTES = 8 << 20  # of models and the like
_ARRAYS = ((BigInteger, "bigint[]"), (Integer, "int[]"), (Float, "float8[]"), (Boolean, "bool[]"),
           (LargeBinary, "bytea[]"))  # fmt: skip


def insert(
    session: Session, table: type[Base], rows: Sequence[RowValues], *, conflict: str = ""
) -> None:
    """Insert rows, values in the order of the table's columns.

    `conflict` is an ON CONFLICT clause of SQL that SQLite and PostgreSQL both read.
    """
    if not rows:
        return
    connection = session.connection()
    dialect = connection.dialect.name
    statement = f"{_statement(dialect, table)} {conflict}"
    if dialect == "sqlite":
        connection.exec_driver_sql(statement, list(rows))
    else:  # an array for each column: a tenth of the time of one statement a row
        for some in _bounded(rows):
            connection.exec_driver_sql(statement, tuple(map(list, zip(*some, strict=True))))


def _bounded(rows: Sequence[RowValues]) -> Iterator[Sequence[RowValues]]:
    """Cut rows into statements of some MB.

    The time of one grows with the square of its size, and PostgreSQL takes none beyond 1 GB.
    """
    start = size = 0
    for place, row in enumerate(rows):
        own = sum(len(value) for value in row if isinstance(value, bytes))
        if place > start and size + own > STATEMENT_BYTES:
            yield rows[start:place]
            start, size = place, 0
        size += own
    yield rows[start:]


def upsert(session: Session, table: type[Base], rows: Sequence[RowValues]) -> None:
    """Insert rows as `insert`, each in place of the one with its primary key."""
    insert(session, table, rows, conflict=_replace(table))


def chunks(ids: Sequence[Key]) -> Iterator[Sequence[Key]]:
    """Cut ids into pieces that fit into one statement: databases bound how many it may name."""
    for start in range(0, len(ids), IDS_PER_STATEMENT):
        yield ids[start : start + IDS_PER_STATEMENT]


@cache
def _replace(table: type[Base]) -> str:
    key = ", ".join(column.name for column in table.__table__.primary_key)
    others = ", ".join(
        f"{column.name} = excluded.{column.name}"
        for column in table.__table__.columns
        if not column.primary_key
    )
    return f"ON CONFLICT ({key}) DO UPDATE SET {others}"


@cache
def _statement(dialect: str, table: type[Base]) -> str:
    columns = table.__table__.columns
    names = ", ".join(column.name for column in columns)
    into = f"INSERT INTO {table.__tablename__} ({names})"
    if dialect == "sqlite":
        return f"{into} VALUES ({', '.join('?' * len(columns))})"
    arrays = ", ".join(map(_array, columns))
    return f"{into} SELECT * FROM unnest({arrays})"  # noqa: S608 - our own names alone


def _array(column: Any) -> str:
    kind = next((name for known, name in _ARRAYS if isinstance(column.type, known)), "text[]")
    return f"{'%b' if kind == 'bytea[]' else '%s'}::{kind}"  # bytes as they are, not as hex

"""Write many rows in one statement, without SQLAlchemy's per-row work, which slows training."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Boolean, ColumnElement, Float, Integer, LargeBinary
from sqlalchemy.orm import Session

from backend.store.tables import Base

RowValues = tuple[object, ...]
"""The values of a row in the order of the table's columns."""
Key = TypeVar("Key")
IDS_PER_STATEMENT = 1000  # both databases limit the number of parameters
STATEMENT_BYTES = 8 << 20  # of binary values such as models
_ARRAYS = ((BigInteger, "bigint[]"), (Integer, "int[]"), (Float, "float8[]"), (Boolean, "bool[]"),
           (LargeBinary, "bytea[]"))  # fmt: skip


def insert(
    session: Session, table: type[Base], rows: Sequence[RowValues], *, conflict: str = ""
) -> None:
    """Insert rows.

    `conflict` is an ON CONFLICT clause that both SQLite and PostgreSQL accept.
    """
    if not rows:
        return
    connection = session.connection()
    dialect = connection.dialect.name
    statement = f"{_statement(dialect, table)} {conflict}"
    if dialect == "sqlite":
        connection.exec_driver_sql(statement, list(rows))
    else:  # an array per column takes a tenth of the time of a statement per row
        for block in _blocks(rows):
            connection.exec_driver_sql(statement, tuple(map(list, zip(*block, strict=True))))


def _blocks(rows: Sequence[RowValues]) -> Iterator[Sequence[RowValues]]:
    """Divide rows into blocks of at most STATEMENT_BYTES.

    The time of a statement grows with the square of its size, and PostgreSQL's limit is 1 GB.
    """
    start = size = 0
    for index, row in enumerate(rows):
        row_size = sum(len(value) for value in row if isinstance(value, bytes))
        if index > start and size + row_size > STATEMENT_BYTES:
            yield rows[start:index]
            start, size = index, 0
        size += row_size
    yield rows[start:]


def upsert(session: Session, table: type[Base], rows: Sequence[RowValues]) -> None:
    """Insert rows as `insert` does, replacing rows with the same primary key."""
    insert(session, table, rows, conflict=_replace(table))


def chunks(ids: Sequence[Key]) -> Iterator[Sequence[Key]]:
    """Divide ids into chunks that fit into one statement."""
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
    return f"{into} SELECT * FROM unnest({arrays})"  # noqa: S608 - only our own names


def _array(column: ColumnElement[Any]) -> str:
    kind = next((name for type_, name in _ARRAYS if isinstance(column.type, type_)), "text[]")
    return f"{'%b' if kind == 'bytea[]' else '%s'}::{kind}"  # %b sends bytes in binary, not as hex

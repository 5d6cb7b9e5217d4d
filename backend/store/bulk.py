"""Many rows in one statement, past SQLAlchemy's work on each: a training's time would go there."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Boolean, Float, Integer, LargeBinary
from sqlalchemy.orm import Session

from backend.store.tables import Base

Row = tuple[Any, ...]
Key = TypeVar("Key")
CHUNK = 1000
_ARRAYS = ((BigInteger, "bigint[]"), (Integer, "int[]"), (Float, "float8[]"), (Boolean, "bool[]"),
           (LargeBinary, "bytea[]"))  # fmt: skip


def insert(session: Session, table: type[Base], rows: Sequence[Row], *, conflict: str = "") -> None:
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
        connection.exec_driver_sql(statement, tuple(map(list, zip(*rows, strict=True))))


def upsert(session: Session, table: type[Base], rows: Sequence[Row]) -> None:
    """Insert rows as `insert`, each in place of the one with its primary key."""
    insert(session, table, rows, conflict=_replace(table))


def chunks(ids: Sequence[Key]) -> Iterator[Sequence[Key]]:
    """Cut ids into pieces that fit into one statement: databases bound how many it may name."""
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]


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
    arrays = ", ".join(f"%s::{_array(column.type)}" for column in columns)
    return f"{into} SELECT * FROM unnest({arrays})"  # noqa: S608 - our own names alone


def _array(kind: Any) -> str:
    return next((name for known, name in _ARRAYS if isinstance(kind, known)), "text[]")

"""Statements that are compiled once, because they are sent hundreds of times per second.

SQLAlchemy spends several times as long on a small statement as the database does: it looks up the
compiled text, converts each value, and describes the result. A prepared statement skips this.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import CursorResult, Dialect, Executable
from sqlalchemy.orm import Session

Values = Mapping[str, object]
"""The values of the `bindparam`s of a statement, of types that the driver accepts."""


@dataclass(frozen=True)
class _Text:
    """A statement as the driver takes it. `names` is None if it takes values by name."""

    text: str
    names: Sequence[str] | None
    defaults: Values

    def bound(self, values: Values) -> tuple[object, ...] | dict[str, object]:
        merged = {**self.defaults, **values}
        return merged if self.names is None else tuple(map(merged.__getitem__, self.names))


@dataclass(frozen=True)
class Prepared:
    """A statement without lists of values, whose rows need no conversion of their columns."""

    statement: Executable
    _texts: dict[str, _Text] = field(default_factory=dict)

    def execute(self, session: Session, values: Values) -> CursorResult[Any]:
        """Execute the statement with one set of values."""
        connection = session.connection()
        text = self._text(connection.dialect)
        return connection.exec_driver_sql(text.text, text.bound(values))

    def execute_many(self, session: Session, rows: Sequence[Values]) -> None:
        """Execute the statement with each set of values."""
        if len(rows) == 1:
            self.execute(session, rows[0])
        elif rows:
            connection = session.connection()
            text = self._text(connection.dialect)
            connection.exec_driver_sql(text.text, [text.bound(values) for values in rows])

    def _text(self, dialect: Dialect) -> _Text:
        """Return the text for one kind of database."""
        if dialect.name not in self._texts:
            compiled: Any = self.statement.compile(dialect=dialect)  # type: ignore[attr-defined]
            names = list(compiled.positiontup) if compiled.positional else None
            self._texts[dialect.name] = _Text(str(compiled), names, compiled.params)
        return self._texts[dialect.name]

"""The syntax tree of a filter, and its text form."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from backend.runs.fields import FieldKind
from backend.search.tokens import escaped

FieldSource = Literal["run", "metric", "param", "tag"]
Operator = Literal[
    "=", "!=", "<", "<=", ">", ">=", "like", "ilike", "in", "not in", "is null", "is not null"
]
Scalar = float | str | bool
Value = Scalar | tuple[float | str, ...] | None
"""The value of a comparison. A time is text; `in` has a tuple and `is null` has None."""

PREFIXES: dict[str, FieldSource] = {"metrics": "metric", "params": "param", "tags": "tag"}
_PLAIN = re.compile(r"""[^\s<>=!(),"'`.]+(?:\.[^\s<>=!(),"'`.]+)*""")

ACCEPTED_TIMES = "a time, such as 2026-11-23, 2026-11-23T14:30 (UTC) or -7d (h, d or w ago)"
_AGO = re.compile(r"-(\d{1,6})([hdw])")
_MS = {"h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}


@dataclass(frozen=True)
class SearchField:
    """A field that a filter, an order or a column names.

    `part` is only for metrics: last, min, max or best.
    """

    source: FieldSource
    name: str
    kind: FieldKind
    part: str = ""

    def __str__(self) -> str:
        """Return the field's name as a filter writes it."""
        if self.source == "run":
            return self.name
        prefix = next(word for word, source in PREFIXES.items() if source == self.source)
        name = self.name if _PLAIN.fullmatch(self.name) else escaped(self.name)
        return f"{prefix}.{name}{f'.{self.part}' if self.part else ''}"


@dataclass(frozen=True)
class Predicate:
    """A comparison of a field with a value. It is false for a run that lacks the value."""

    field: SearchField
    operator: Operator
    value: Value = None

    def __str__(self) -> str:
        """Return the comparison as text."""
        if self.value is None:
            return f"{self.field} {self.operator}"
        return f"{self.field} {self.operator} {_written(self.value)}"


@dataclass(frozen=True)
class Not:
    """A negation: true where its part is false."""

    part: "Condition"

    def __str__(self) -> str:
        """Return the negation as text."""
        return f"not {_inside(self.part)}"


@dataclass(frozen=True)
class Combined:
    """Two or more conditions: all of them must hold ("and"), or at least one ("or")."""

    word: Literal["and", "or"]
    parts: "tuple[Condition, ...]"

    def __str__(self) -> str:
        """Return the parts as text, joined by the word."""
        return f" {self.word} ".join(map(_inside, self.parts))


Condition = Predicate | Not | Combined


def predicates(condition: Condition) -> list[Predicate]:
    """Return all comparisons of a condition in the order in which they are written."""
    if isinstance(condition, Predicate):
        return [condition]
    if isinstance(condition, Not):
        return predicates(condition.part)
    return [predicate for part in condition.parts for predicate in predicates(part)]


def _inside(condition: Condition) -> str:
    return f"({condition})" if isinstance(condition, Combined) else str(condition)


def _written(value: Value) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_written, value))})"
    if isinstance(value, bool):
        return str(value).lower()
    return escaped(value) if isinstance(value, str) else repr(value)


def parse_time(text: str, *, now: int) -> int:
    """Return a time in milliseconds since 1970; `now` is the current time in the same unit.

    Accepts a date, a date with a time, or how long ago. Raises ValueError.
    """
    ago = _AGO.fullmatch(text)
    if ago:
        return now - int(ago[1]) * _MS[ago[2]]
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)

"""A filter as a tree, and the tree as text again."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from backend.search.tokens import escaped

FieldSource = Literal["run", "metric", "param", "tag"]
FieldKind = Literal["number", "text", "time", "truth", "either"]
"""What a field holds; a param may be a number or a text."""
Operator = Literal[
    "=", "!=", "<", "<=", ">", ">=", "like", "ilike", "in", "not in", "is null", "is not null"
]
Value = float | str | bool | tuple[float | str, ...] | None
"""A time is kept as it was written; `in` has a tuple, `is null` has None."""

PREFIXES: dict[str, FieldSource] = {"metrics": "metric", "params": "param", "tags": "tag"}
_PLAIN = re.compile(r"""[^\s<>=!(),"'`.]+(?:\.[^\s<>=!(),"'`.]+)*""")


@dataclass(frozen=True)
class SearchField:
    """Something a run has. `part` is for metrics: last, min, max or best."""

    source: FieldSource
    name: str
    kind: FieldKind
    part: str = ""

    def __str__(self) -> str:
        """Write the field as a filter names it."""
        if self.source == "run":
            return self.name
        prefix = next(word for word, source in PREFIXES.items() if source == self.source)
        name = self.name if _PLAIN.fullmatch(self.name) else escaped(self.name)
        return f"{prefix}.{name}{f'.{self.part}' if self.part else ''}"


@dataclass(frozen=True)
class Predicate:
    """A field against a value. With a value that a run does not have, it is false."""

    field: SearchField
    operator: Operator
    value: Value = None

    def __str__(self) -> str:
        """Write the comparison."""
        if self.value is None:
            return f"{self.field} {self.operator}"
        return f"{self.field} {self.operator} {_written(self.value)}"


@dataclass(frozen=True)
class Not:
    """True where its part is false."""

    part: "Condition"

    def __str__(self) -> str:
        """Write the negation."""
        return f"not {_inside(self.part)}"


@dataclass(frozen=True)
class Combined:
    """Conditions of which all (and) or one at least (or) must hold; two or more."""

    word: Literal["and", "or"]
    parts: "tuple[Condition, ...]"

    def __str__(self) -> str:
        """Write the parts with the word between."""
        return f" {self.word} ".join(map(_inside, self.parts))


Condition = Predicate | Not | Combined


def predicates(condition: Condition) -> list[Predicate]:
    """Return all comparisons of a condition, in the order they are written."""
    if isinstance(condition, Predicate):
        return [condition]
    if isinstance(condition, Not):
        return predicates(condition.part)
    return [one for part in condition.parts for one in predicates(part)]


def _inside(condition: Condition) -> str:
    return f"({condition})" if isinstance(condition, Combined) else str(condition)


def _written(value: Value) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_written, value))})"
    if isinstance(value, bool):
        return str(value).lower()
    return escaped(value) if isinstance(value, str) else repr(value)


ACCEPTED_TIMES = "a time, such as 2026-11-23, 2026-11-23T14:30 (UTC) or -7d (h, d or w ago)"
_AGO = re.compile(r"-(\d{1,6})([hdw])")
_MS = {"h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}


def parse_time(text: str, *, now: int) -> int:
    """Return a time in milliseconds since 1970, given that of now. Raises ValueError."""
    ago = _AGO.fullmatch(text)
    if ago:
        return now - int(ago[1]) * _MS[ago[2]]
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return int(found.timestamp() * 1000)

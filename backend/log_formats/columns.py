"""The columns of a table: numbers and texts with the rows that have them."""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from backend import work_budget
from backend.log_formats.numbers import is_blank, parse_number
from backend.series import FloatArray, IntArray

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Points:
    """Values [n] with the ascending indices of their rows [n]."""

    rows: IntArray
    values: FloatArray

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, index: BoolArray | IntArray) -> Self:
        """Return some of the points."""
        return type(self)(self.rows[index], self.values[index])

    def on(self, rows: BoolArray) -> Self:
        """Return the points on the rows where a mask is true."""
        return self.take(rows[self.rows])

    def by_row(self, length: int) -> FloatArray:
        """Return a value for each row, NaN where it is missing."""
        values = np.full(length, np.nan)
        values[self.rows] = self.values
        return values


@dataclass(frozen=True)
class Table:
    """Columns of a log by name: `numbers`, and `texts` by row for cells that are not numbers.

    `restarts` are the rows before which the header is repeated.
    """

    numbers: Mapping[str, Points]
    texts: Mapping[str, Mapping[int, str]]
    length: int
    restarts: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The names of all columns, those with numbers first."""
        return list(dict.fromkeys([*self.numbers, *self.texts]))

    def where(self, rows: BoolArray) -> "Table":
        """Return the table with the rows where a mask is true; the indices of rows stay."""
        numbers = {name: points.on(rows) for name, points in self.numbers.items()}
        texts = {
            name: {at: text for at, text in cells.items() if rows[at]}
            for name, cells in self.texts.items()
        }
        return replace(
            self,
            numbers={name: points for name, points in numbers.items() if len(points)},
            texts={name: cells for name, cells in texts.items() if cells},
        )

    def without(self, *names: str) -> "Table":
        """Return the table without some columns."""
        return replace(
            self,
            numbers={name: each for name, each in self.numbers.items() if name not in names},
            texts={name: each for name, each in self.texts.items() if name not in names},
        )

    def noting(self, *notes: str) -> "Table":
        """Return the table with more notes."""
        return replace(self, notes=(*self.notes, *notes))


@dataclass
class TableBuilder:
    """Collects the cells of a table row by row."""

    length: int = 0
    restarts: list[int] = field(default_factory=list)
    _numbers: dict[str, tuple["array[int]", "array[float]"]] = field(default_factory=dict)
    _texts: dict[str, dict[int, str]] = field(default_factory=dict)
    _known: dict[str, str] = field(default_factory=dict)

    def add(self, cells: Iterable[tuple[str, object]]) -> None:
        """Add a row: the names and values of its cells."""
        at = self.length
        for name, value in cells:
            number = parse_number(value)
            if number is not None:
                column = self._numbers.get(name)
                if column is None:
                    column = self._numbers[name] = array("q"), array("d")
                column[0].append(at)
                column[1].append(number)
            elif isinstance(value, str) and not is_blank(value):
                text = self._known.setdefault(value, value)  # one object for equal texts
                self._texts.setdefault(name, {})[at] = text
        self.length += 1
        if not at & 15:
            work_budget.check()

    def table(self) -> Table:
        """Return the table."""
        numbers = {
            name: Points(np.array(rows, np.int64), np.array(values, np.float64))
            for name, (rows, values) in self._numbers.items()
        }
        return Table(numbers, self._texts, self.length, tuple(self.restarts))


def table_of(rows: Iterable[Mapping[str, object]]) -> Table:
    """Return the table of records, each a mapping from names to values."""
    builder = TableBuilder()
    for row in rows:
        builder.add(row.items())
    return builder.table()

"""TableFacts: all that a specification has to know of a table that a person has added.

The facts never change: another target or other columns are another version of the data set.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final, Literal, Self

Problem = Literal["regression", "classification"]
ColumnKind = Literal["number", "truth", "time", "category"]

MAX_CATEGORIES: Final = 20  # inputs of one column; rarer categories share the last of them
MIN_PART: Final = 1
DEFAULT_PARTS: Final = {"n_validation": 0.2, "n_test": 0.2}  # of the rows
MOST_BY_DEFAULT: Final = {"n_train": 2_000, "n_validation": 2_000, "n_test": 5_000}


@dataclass(frozen=True)
class ColumnFacts:
    """One column. `largest` is the number of rows that its most frequent value has.

    `distinct` and `missing` count values and empty cells. A column that is not `used` is not an
    input.
    """

    name: str
    kind: ColumnKind
    distinct: int
    missing: int
    largest: int
    used: bool = True

    def input_count(self, encoding: str | None, missing: str | None) -> int:
        """Return how many inputs the column becomes, whatever its training rows are."""
        if self.kind == "category" and encoding != "rank":
            return min(self.distinct + 1, MAX_CATEGORIES + 1)  # one for other or missing values
        return 2 if self.missing and missing == "flag" else 1


@dataclass(frozen=True)
class TableFacts:
    """One version of a table.

    `sha256` is the hash of the file that holds its columns. `classes` are the names of the classes,
    in the order of their numbers. Numbers of the target are learnt as (value - center) / unit: both
    are constants of the table, so that the losses of all its runs have the same unit.
    """

    name: str
    version: str
    sha256: str
    rows: int
    columns: tuple[ColumnFacts, ...]
    target: str
    problem: Problem
    classes: tuple[str, ...] = ()
    center: float = 0.0
    unit: float = 1.0

    @property
    def source(self) -> str:
        """The name under which runs refer to this version."""
        return f"{self.name}@{self.version}"

    @cached_property
    def by_name(self) -> Mapping[str, ColumnFacts]:
        """The columns by name."""
        return {column.name: column for column in self.columns}

    def inputs(self, split_by: str | None) -> tuple[ColumnFacts, ...]:
        """Return the columns that a model sees: neither the target nor that of the split."""
        return tuple(
            column
            for column in self.columns
            if column.used and column.name not in (self.target, split_by)
        )

    def input_count(
        self, encoding: str | None = None, missing: str | None = None, split_by: str | None = None
    ) -> int:
        """Return the number of inputs of a model under a preparation."""
        return sum(column.input_count(encoding, missing) for column in self.inputs(split_by))

    @property
    def outputs(self) -> int:
        """The number of outputs of a model: classes, or one value."""
        return len(self.classes) if self.problem == "classification" else 1

    def default_sizes(self) -> dict[str, int]:
        """Return default sizes of the parts: a fifth each for validation and test, with limits."""
        sizes = {
            name: max(MIN_PART, min(int(share * self.rows), MOST_BY_DEFAULT[name]))
            for name, share in DEFAULT_PARTS.items()
        }
        left = self.rows - sum(sizes.values())
        return {"n_train": max(MIN_PART, min(left, MOST_BY_DEFAULT["n_train"])), **sizes}

    def document(self) -> dict[str, Any]:
        """Return the facts as plain data."""
        return asdict(self)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the facts that `document` returned."""
        columns = tuple(ColumnFacts(**column) for column in document["columns"])
        classes = tuple(document["classes"])
        return cls(**{**document, "columns": columns, "classes": classes})

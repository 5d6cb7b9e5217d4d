"""The target of a table: the task, the classes or the unit, and signs of leakage."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from backend.datasets.column_files import ColumnReader
from backend.datasets.row_hashes import column_hashes
from backend.datasets.table_facts import ColumnFacts, Problem
from backend.own_data.errors import RefusedTable, row_and_column
from backend.own_data.leaks import giveaways
from backend.own_data.limits import MAX_CLASSES, MAX_LABEL_CHARACTERS
from backend.series import Array

MAX_INFERRED_CLASSES = 20  # whole numbers with at most as many values are taken for classes
ROWS_PER_CLASS = 2
TASKS = ("classification", "regression")


@dataclass(frozen=True)
class Target:
    """The target of a table: classes [rows] with their names, or values [rows]."""

    problem: Problem
    values: Array
    classes: tuple[str, ...] = ()

    @property
    def center(self) -> float:
        """The mean of a regression target."""
        return float(self.values.mean()) if self.problem == "regression" else 0.0

    @property
    def unit(self) -> float:
        """The standard deviation of a regression target."""
        return float(self.values.std()) if self.problem == "regression" else 1.0


def describe_target(
    reader: ColumnReader, columns: Sequence[ColumnFacts], target: str, task: str | None
) -> dict[str, Any]:
    """Return the task, classes or unit of a target, the rows of each class, and leaks.

    Without a task, it is inferred. Raises RefusedTable.
    """
    chosen = read_target(reader, columns, target, task)
    position = _position(columns, target)
    hashes = reader.row_hashes() - column_hashes(reader.column(position), position)
    for index, column in enumerate(columns):
        if not column.used and index != position:
            hashes -= column_hashes(reader.column(index), index)
    leaks = giveaways(reader, columns, target, chosen.values, chosen.problem)
    return {
        "problem": chosen.problem, "classes": list(chosen.classes),
        "center": chosen.center, "unit": chosen.unit,
        "balance": np.bincount(chosen.values).tolist() if chosen.classes else [],
        "leaks": leaks, **_repeated(hashes, chosen),
    }  # fmt: skip


def _position(columns: Sequence[ColumnFacts], target: str) -> int:
    for position, column in enumerate(columns):
        if column.name == target:
            return position
    names = ", ".join(column.name for column in columns[:20])
    more = ", ..." if len(columns) > len(columns[:20]) else ""
    raise RefusedTable(f'target is "{target}"; accepted: the name of a column ({names}{more}).')


def read_target(
    reader: ColumnReader, columns: Sequence[ColumnFacts], target: str, task: str | None
) -> Target:
    """Read the target of a table. Raises RefusedTable if nothing can be learnt from it."""
    position = _position(columns, target)
    column, values = columns[position], reader.column(position)
    if column.missing:
        empty = values < 0 if column.kind == "category" else np.isnan(values)
        where = row_and_column(int(np.flatnonzero(empty)[0]) + 1, target)
        raise RefusedTable(
            f"The target is empty in {where} and {column.missing - 1:,} others; accepted: a value "
            "in each row."
        )
    if column.distinct < 2:
        raise RefusedTable(
            f'The target "{target}" has the same value in each row; accepted: at least two values.'
        )
    if task not in (None, *TASKS):
        raise RefusedTable(f'task is "{task}"; accepted: {" or ".join(TASKS)}.')
    if (task or _inferred(column, values)) == "regression":
        if column.kind == "category":
            raise RefusedTable(
                f'The target "{target}" holds texts, which are classes; accepted: classification, '
                "or a column of numbers."
            )
        return Target("regression", values.astype(np.float64))
    return _classes(reader, position, column, values)


def _inferred(column: ColumnFacts, values: Array) -> Problem:
    if column.kind in ("category", "truth"):
        return "classification"
    whole = bool(np.all(values == np.round(values)))
    few = column.distinct <= min(MAX_INFERRED_CLASSES, len(values) // ROWS_PER_CLASS)
    return "classification" if whole and few and column.kind == "number" else "regression"


def _classes(reader: ColumnReader, position: int, column: ColumnFacts, values: Array) -> Target:
    count = column.distinct
    most = min(MAX_CLASSES, len(values) // ROWS_PER_CLASS)
    if count > most:
        raise RefusedTable(
            f'The target "{column.name}" has {count:,} classes in {len(values):,} rows; accepted: '
            f"at most {most:,}, so a column with fewer values, or regression."
        )
    if column.kind == "category":
        return Target("classification", values, tuple(map(str, reader.labels(position))))
    known, classes = np.unique(values, return_inverse=True)
    names = [_class_name(column, float(value))[:MAX_LABEL_CHARACTERS] for value in known]
    return Target("classification", classes, tuple(names))


def _class_name(column: ColumnFacts, value: float) -> str:
    if column.kind == "truth":
        return "true" if value else "false"
    return f"{value:.0f}" if value == round(value) else f"{value:g}"


def _repeated(hashes: Array, target: Target) -> dict[str, int]:
    """Count rows whose inputs another row has too, and those among them with another target."""
    if pl.Series(hashes).n_unique() == len(hashes):
        return {"repeated": 0, "contradicting": 0}
    _, first, group, sizes = np.unique(
        hashes, return_index=True, return_inverse=True, return_counts=True
    )
    differs = target.values != target.values[first][group]
    return {
        "repeated": int(len(hashes) - len(sizes)),
        "contradicting": int(np.count_nonzero(differs)),
    }

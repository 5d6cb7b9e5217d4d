"""Columns that give the target away: each alone predicts rows that it was not fitted on.

A column is cut into at most BINS bins of its values. The majority class, or the mean, of each bin
in one half of the rows predicts the other half.
"""

from collections.abc import Sequence

import numpy as np

from backend.datasets.column_files import ColumnReader
from backend.datasets.table_facts import ColumnFacts, Problem
from backend.series import Array

BINS = 200
ENOUGH_ROWS = 20
SAMPLE_ROWS = 20_000  # as many rows are enough to see it
REPORTED = 0.98  # of what a constant prediction leaves to explain
CORRELATED = 0.9999


def giveaways(
    reader: ColumnReader,
    columns: Sequence[ColumnFacts],
    target: str,
    targets: Array,
    problem: Problem,
) -> list[dict[str, object]]:
    """Return the columns that alone predict at least REPORTED of the target, the best first."""
    rows = np.random.default_rng(0).permutation(len(targets))[:SAMPLE_ROWS]
    if len(rows) < ENOUGH_ROWS:
        return []
    chosen = targets[rows]
    found = []
    for position, column in enumerate(columns):
        if column.name == target or not column.used:
            continue
        values = reader.column(position)[rows]
        score = _explained(values, chosen, problem, column)
        if score >= REPORTED:
            found.append({"column": column.name, "explained": round(score, 4)})
    return sorted(found, key=lambda leak: -float(str(leak["explained"])))


def _explained(values: Array, targets: Array, problem: Problem, column: ColumnFacts) -> float:
    if problem == "regression" and _correlated(values, targets):
        return 1.0
    bins = _bins(values, column)
    half = len(values) // 2
    fitted, other = slice(0, half), slice(half, None)
    predict = _majorities if problem == "classification" else _means
    predicted, constant = predict(bins[fitted], targets[fitted], int(bins.max()) + 1)
    if problem == "classification":
        wrong = float(np.mean(predicted[bins[other]] != targets[other]))
        usual = float(np.mean(constant != targets[other]))
    else:
        wrong = float(np.mean((predicted[bins[other]] - targets[other]) ** 2))
        usual = float(np.mean((constant - targets[other]) ** 2))
    return 1 - wrong / usual if usual > 0 else 0.0


def _correlated(values: Array, targets: Array) -> bool:
    known = np.isfinite(values) if np.issubdtype(values.dtype, np.floating) else values >= 0
    if known.sum() < ENOUGH_ROWS or np.ptp(values[known]) == 0 or np.ptp(targets[known]) == 0:
        return False
    return abs(float(np.corrcoef(values[known], targets[known])[0, 1])) >= CORRELATED


def _bins(values: Array, column: ColumnFacts) -> Array:
    """Return the bin of each value: that of the category, or of equally many numbers."""
    if column.kind == "category":
        return np.unique(values, return_inverse=True)[1]
    filled = np.where(np.isnan(values), np.nanmin(values, initial=0) - 1, values)
    distinct = np.unique(filled)
    edges = distinct[1:]
    if len(distinct) > BINS:
        edges = np.unique(np.quantile(filled, np.linspace(0, 1, BINS + 1)[1:-1]))
    return np.searchsorted(edges, filled, side="right")


def _majorities(bins: Array, targets: Array, count: int) -> tuple[Array, int]:
    classes = int(targets.max()) + 1
    table = np.zeros((count, classes))
    np.add.at(table, (bins, targets), 1)
    constant = int(np.bincount(targets).argmax())
    return np.where(table.sum(1) > 0, table.argmax(1), constant), constant


def _means(bins: Array, targets: Array, count: int) -> tuple[Array, float]:
    sums = np.bincount(bins, weights=targets, minlength=count)
    counts = np.bincount(bins, minlength=count)
    constant = float(targets.mean())
    return np.where(counts > 0, sums / np.maximum(counts, 1), constant), constant

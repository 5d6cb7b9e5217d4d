"""How a column of a table becomes inputs of a model, fitted on the training rows alone."""

import numpy as np

from backend.datasets.table_facts import MAX_CATEGORIES, ColumnFacts
from backend.series import Array


def prepared(
    column: ColumnFacts, values: Array, train: Array, encoding: str | None, missing: str | None
) -> Array:
    """Return the inputs [rows, inputs] of a column.

    `train` are its values in the training part, `values` those of the rows to prepare: numbers with
    NaN for an empty cell, or the numbers of categories with -1 for an empty cell.
    """
    if column.kind == "category":
        if encoding != "rank":
            return _one_hot(values, train, column.distinct)
        filled, is_missing = _ranks(values, train), values < 0
    else:
        filled, is_missing = _filled(values, train, missing), np.isnan(values)
    flags = [is_missing] if column.missing and missing == "flag" else []
    return np.stack([filled, *flags], axis=1).astype(np.float64)


def _filled(values: Array, train: Array, missing: str | None) -> Array:
    known = train[~np.isnan(train)]
    center = 0.0
    if len(known):
        center = float(np.median(known) if missing == "median" else np.mean(known))
    return np.where(np.isnan(values), center, values)


def _one_hot(values: Array, train: Array, distinct: int) -> Array:
    """Return one input for each frequent category, and a last one for other and missing values."""
    slots = min(distinct, MAX_CATEGORIES)
    slot_of = np.full(distinct + 1, slots)  # the last entry is that of -1, a missing value
    slot_of[_most_frequent(train, distinct)[:slots]] = np.arange(slots)
    inputs = np.zeros((len(values), slots + 1))
    inputs[np.arange(len(values)), slot_of[values]] = 1
    return inputs


def _ranks(values: Array, train: Array) -> Array:
    """Return the rank of each category by its frequency, that of unknown ones last."""
    distinct = int(max(values.max(initial=-1), train.max(initial=-1))) + 1
    counts = np.bincount(train[train >= 0], minlength=distinct)
    rank = np.full(distinct + 1, np.count_nonzero(counts))
    order = _most_frequent(train, distinct)
    seen = order[counts[order] > 0]
    rank[seen] = np.arange(len(seen))
    return rank[values]


def _most_frequent(train: Array, distinct: int) -> Array:
    counts = np.bincount(train[train >= 0], minlength=distinct)
    return np.argsort(-counts, kind="stable")

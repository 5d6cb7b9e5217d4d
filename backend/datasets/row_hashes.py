"""Hashes of the rows of a table, as a sum over its columns, so that columns can be taken out."""

import numpy as np

from backend.series import Array

_STEP = np.uint64(0x9E3779B97F4A7C15)


def column_hashes(values: Array, position: int) -> Array:
    """Return a hash of each value of the column at a position [rows], by splitmix64."""
    if np.issubdtype(values.dtype, np.integer):
        bits = values.astype(np.int64).view(np.uint64)
    else:
        numbers = values.astype(np.float64) + 0.0  # -0 becomes 0
        numbers[np.isnan(numbers)] = np.nan  # one kind of NaN
        bits = numbers.view(np.uint64)
    with np.errstate(over="ignore"):
        mixed = bits + _STEP * np.uint64(position + 1)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(mixed ^ (mixed >> np.uint64(31)))

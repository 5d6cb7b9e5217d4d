"""Orders whose every beginning is a fair sample: what makes small training sets parts of large."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
GOLDEN = (5**0.5 - 1) / 2


def spread(generator: np.random.Generator, n: int) -> Array:
    """Return n numbers in [0, 1), evenly spread at every length (steps of the golden ratio)."""
    return np.asarray((generator.uniform() + GOLDEN * np.arange(n)) % 1.0)


def stratified_order(labels: Array, generator: np.random.Generator) -> Array:
    """Return row numbers, shuffled so that every stretch holds the classes in their shares."""
    place = np.empty(len(labels))
    for label in np.unique(labels):
        rows = generator.permutation(np.flatnonzero(labels == label))
        place[rows] = (np.arange(len(rows)) + generator.uniform()) / len(rows)
    return np.argsort(place, kind="stable")

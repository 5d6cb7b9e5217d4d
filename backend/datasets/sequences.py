"""Orders of which each prefix is a fair sample: small training sets are prefixes of large ones."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
GOLDEN = (5**0.5 - 1) / 2


def spread(generator: np.random.Generator, n: int) -> Array:
    """Return n numbers in [0, 1) in steps of the golden ratio: each prefix is evenly spread."""
    return np.asarray((generator.uniform() + GOLDEN * np.arange(n)) % 1.0)


def stratified_order(labels: Array, generator: np.random.Generator) -> Array:
    """Shuffle row indices so that each slice has about the class frequencies of all rows."""
    place = np.empty(len(labels))
    for label in np.unique(labels):
        rows = generator.permutation(np.flatnonzero(labels == label))
        place[rows] = (np.arange(len(rows)) + generator.uniform()) / len(rows)
    return np.argsort(place, kind="stable")

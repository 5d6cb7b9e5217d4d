"""Random streams, one per purpose, and evenly spread random sequences.

Each purpose has its own stream, so a setting that draws more numbers does not shift other draws.
"""

from enum import IntEnum

import numpy as np

from backend.series import Array


class Purpose(IntEnum):
    """Purposes of random streams. Recorded results depend on the numbers: never reuse a number."""

    INPUTS = 0
    TARGETS = 1
    SPLIT = 2
    INPUT_NOISE = 3
    LABEL_NOISE = 4
    WEIGHTS = 5
    BATCHES = 6
    DROPOUT = 7
    NOISE_INPUTS = 8
    RANDOM_FEATURES = 9


def stream(seed: int, purpose: Purpose, *which: int) -> np.random.Generator:
    """Return a random stream of a purpose; `which` selects one of several, such as an epoch's."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, *which)))


GOLDEN = (5**0.5 - 1) / 2


def spread(generator: np.random.Generator, n: int) -> Array:
    """Return n numbers in [0, 1) in steps of the golden ratio: each prefix is evenly spread."""
    return np.asarray((generator.uniform() + GOLDEN * np.arange(n)) % 1.0)


def stratified_order(labels: Array, generator: np.random.Generator) -> Array:
    """Shuffle row indices so that each slice has about the class frequencies of all rows."""
    rank = np.empty(len(labels))
    for label in np.unique(labels):
        rows = generator.permutation(np.flatnonzero(labels == label))
        rank[rows] = (np.arange(len(rows)) + generator.uniform()) / len(rows)
    return np.argsort(rank, kind="stable")

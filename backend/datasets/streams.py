"""Random streams, one per purpose: a setting that draws more numbers does not shift other draws."""

from enum import IntEnum

import numpy as np


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
    """Return the random stream of a purpose; `which` tells its streams apart, such as epochs."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, *which)))

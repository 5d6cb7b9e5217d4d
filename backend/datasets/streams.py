"""Random streams: one per purpose, spawned from the seed, so a setting never shifts other draws."""

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a stream is for. The numbers are part of every recorded result: never reuse one."""

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
    """Return a purpose's stream; `which` tells apart several of them (parts, epochs)."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, *which)))

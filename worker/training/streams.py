"""Seeds for PyTorch's random generators."""

import numpy as np
import torch

from backend.datasets.streams import Purpose


def reseed(generator: torch.Generator, seed: int, purpose: Purpose, *which: int) -> torch.Generator:
    """Set a torch generator to the start of a purpose's random stream; return the generator."""
    state = np.random.SeedSequence(seed, spawn_key=(purpose, *which)).generate_state(1, np.uint64)
    return generator.manual_seed(int(state[0] >> 1))

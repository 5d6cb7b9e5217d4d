"""Training speed on one core as a fraction of the machine's matrix-product rate.

Only the operations of the unpadded models count: 2 flops per weight and row forward, twice that
backward (Kaplan et al. 2020, eq. 2.2), and the evaluation of all rows in each epoch.
"""

import time
from collections.abc import Callable

import torch

from backend.specification import RunSpec, validate
from backend.specification.estimates import parameters
from worker.training.device import choose_device
from worker.training.group import Group

REPEATS = 5


def table() -> str:
    """Return the table of rates by width."""
    device = choose_device()
    lines = ["| width, 32 runs | GFLOP/s | of the matrix-product rate |", "|---|---|---|"]
    for width in (8, 32, 64, 128, 256):
        document = {
            "dataset": {"source": "moons", "n_features": 20, "n_train": [200, 1000]},
            "model": {"depth": 2, "width": width},
            "training": {"epochs": 100, "batch_size": 32, "seeds": 16},
        }
        specs = validate(document).runs
        group = Group(specs, device)
        group.epoch()
        rate = sum(map(flops, specs)) / fastest(group.epoch)
        lines.append(f"| {width} | {rate / 1e9:.1f} | {rate / peak():.0%} |")
    return "\n".join(lines)


def flops(spec: RunSpec) -> float:
    """Return the flops of one epoch of a run."""
    data = spec.dataset
    rows = 3 * data.n_train + data.n_train + data.n_validation + data.n_test
    return 2.0 * parameters(spec) * rows


def peak() -> float:
    """Return the float32 flops per second of a large matrix product on one core."""
    a, b, out = (torch.rand(1024, 1024) for _ in range(3))
    return 2 * 1024**3 / fastest(lambda: torch.mm(a, b, out=out))


def fastest(call: Callable[[], object]) -> float:
    """Return the smallest processor time of several calls, in seconds of this thread."""
    return min(_timed(call) for _ in range(REPEATS))


def _timed(call: Callable[[], object]) -> float:
    begun = time.thread_time()
    call()
    return time.thread_time() - begun

"""Cutting an experiment into groups: runs that one worker trains together as one program.

Groups of an experiment last about as long as each other, so that workers share it evenly; none
lasts long, so that other experiments get their turn; each is as large as that allows, as training
together is what makes it fast.
"""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from backend.spec.cost import seconds
from backend.spec.memory import estimated_bytes

LONGEST_SECONDS = 15.0  # estimated, unless a single run lasts longer
EVEN_SECONDS = 5.0  # groups as long as this are worth more of them for each worker
MOST_PER_WORKER = 3  # groups, so that none waits long for the last
MOST_RUNS = 512

_PROGRAM = ("model.family", "training.optimizer", "model.depth", "model.activation",
            "model.normalisation", "training.loss", "dataset.source", "dataset.n_features",
            "training.batch_size")  # fmt: skip

Params = Mapping[str, Any]


def cut(runs: Sequence[Params], *, workers: int, memory: int) -> list[list[int]]:
    """Return groups of places in `runs`, given as flat params, the longest group first.

    `memory` is what a worker has, in bytes. What does not fit is a group of its own.
    """
    costs = [seconds(params) for params in runs]
    sizes = [estimated_bytes(params) for params in runs]
    bound = _longest(costs, workers)
    groups: list[list[int]] = []
    length = size = 0.0
    # those that can share a program are neighbours, and among them those of similar size
    for place in sorted(range(len(runs)), key=lambda i: (_program(runs[i]), -costs[i], i)):
        full = length + costs[place] > bound or size + sizes[place] > memory
        if not groups or full or len(groups[-1]) >= _most_runs(len(runs), workers):
            groups.append([])
            length = size = 0.0
        groups[-1].append(place)
        length, size = length + costs[place], size + sizes[place]
    return sorted(groups, key=lambda group: -sum(costs[place] for place in group))


def _longest(costs: Sequence[float], workers: int) -> float:
    """Return how long a group may last, so that there are enough of them for all workers."""
    share = sum(costs) / max(1, workers)
    each = max(1, min(MOST_PER_WORKER, int(share / EVEN_SECONDS))) if workers > 1 else 1
    each = max(each, ceil(share / LONGEST_SECONDS))
    # a little more, lest a remainder becomes a group of its own
    return 1.02 * share / each


def _most_runs(count: int, workers: int) -> int:
    return min(MOST_RUNS, max(1, ceil(count / max(1, workers))))


def _program(params: Params) -> tuple[str, ...]:
    return tuple(str(params.get(path)) for path in _PROGRAM)

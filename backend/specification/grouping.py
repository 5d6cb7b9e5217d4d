"""Cutting an experiment into groups: runs that one worker trains together as one program.

Groups of an experiment last about as long as each other, so that workers share it evenly; none
lasts long, so that other experiments get their turn; each is as large as that allows, as training
together is what makes it fast.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import Any

from backend.specification.memory import estimated_bytes, stretches
from backend.specification.timing import program, seconds

LONGEST_SECONDS = 15.0  # estimated, unless a single run lasts longer
EVEN_SECONDS = 5.0  # groups as long as this are worth more of them for each worker
MOST_PER_WORKER = 3  # groups, so that none waits long for the last
MOST_RUNS = 512

Params = Mapping[str, Any]


def cut(runs: Sequence[Params], *, workers: int, memory: int) -> list[list[int]]:
    """Return groups of places in `runs`, given as flat params, the longest group first.

    `memory` is what a worker has, in bytes. What does not fit is a group of its own.
    """
    costs = seconds(runs)
    sizes = [estimated_bytes(params) for params in runs]
    # those that can share a program are neighbours, and among them those of similar size
    order = sorted(range(len(runs)), key=lambda i: (program(runs[i]), -costs[i], i))
    groups: list[list[int]] = []
    for part in _even(order, costs, _count(sum(costs), workers)):
        for start, stop in stretches([sizes[place] for place in part], memory):
            fitting = part[start:stop]
            groups += [fitting[i : i + MOST_RUNS] for i in range(0, len(fitting), MOST_RUNS)]
    return sorted(groups, key=lambda group: -sum(costs[place] for place in group))


def _even(order: Sequence[int], costs: Sequence[float], count: int) -> Iterator[list[int]]:
    """Cut a row of places into `count` parts or fewer that last about as long as each other."""
    share, begun = sum(costs) / count, 0.0
    parts: dict[int, list[int]] = {}
    for place in order:
        parts.setdefault(int((begun + costs[place] / 2) / share), []).append(place)
        begun += costs[place]
    yield from parts.values()


def _count(total: float, workers: int) -> int:
    """Return into how many groups to cut what takes so many seconds."""
    workers = max(1, workers)
    share = total / workers
    each = max(1, min(MOST_PER_WORKER, int(share / EVEN_SECONDS))) if workers > 1 else 1
    return workers * max(each, ceil(share / LONGEST_SECONDS))

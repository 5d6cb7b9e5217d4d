"""Grouping the runs of an experiment: a group is trained together by one worker as one program.

Groups of an experiment take about equally long, so that workers share it evenly. Groups are short,
because other experiments must get their turn. Each is as large as that allows, because training
together is what makes it fast.
"""

from collections.abc import Sequence
from math import ceil

from backend.specification.estimates import chunks_within, estimated_bytes, program, seconds
from backend.specification.run_spec import RunSpec

MAX_SECONDS = 15.0  # estimated, unless a single run takes longer
SPLIT_SECONDS = 5.0  # a worker gets more than one group if each takes at least this long
MAX_PER_WORKER = 3  # groups per worker, to even out the end without losing much speed
MAX_RUNS = 512


def group_runs(runs: Sequence[RunSpec], *, workers: int, memory: int) -> list[list[int]]:
    """Return groups of indices of `runs`, the group that takes least time first.

    So that people see something soon. Groups take about equally long unless a single run takes
    longer, so that workers still end at about the same time.

    `memory` is what a worker has, in bytes. A run that does not fit is a group of its own.
    """
    costs = seconds(runs)
    sizes = [estimated_bytes(spec) for spec in runs]
    # runs that can share a program become neighbours, and among them runs of similar size
    order = sorted(range(len(runs)), key=lambda i: (program(runs[i]), -costs[i], i))
    groups: list[list[int]] = []
    for indices in _evenly(order, costs, _group_count(sum(costs), workers)):
        for start, stop in chunks_within([sizes[index] for index in indices], memory):
            fitting = indices[start:stop]
            groups += [fitting[i : i + MAX_RUNS] for i in range(0, len(fitting), MAX_RUNS)]
    return sorted(groups, key=lambda group: sum(costs[index] for index in group))


def _evenly(order: Sequence[int], costs: Sequence[float], count: int) -> list[list[int]]:
    """Split indices, kept in order, into at most `count` groups of about the same cost."""
    target, cost_so_far = sum(costs) / count, 0.0
    groups: dict[int, list[int]] = {}
    for index in order:
        groups.setdefault(int((cost_so_far + costs[index] / 2) / target), []).append(index)
        cost_so_far += costs[index]
    return list(groups.values())


def _group_count(total_seconds: float, workers: int) -> int:
    """Return the number of groups for runs that take this long in all."""
    workers = max(1, workers)
    per_worker = total_seconds / workers
    groups = max(1, min(MAX_PER_WORKER, int(per_worker / SPLIT_SECONDS))) if workers > 1 else 1
    return workers * max(groups, ceil(per_worker / MAX_SECONDS))

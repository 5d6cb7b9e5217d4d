"""Spread: cells whose seeds came to different ends, where a mean speaks of none of them."""

from math import exp, log

from backend.analysis.grid.cells import Cell, RunResult, best_validation

UNTRAINED = 0.95  # of the loss of always giving the same answer: nothing was learnt
APART = 2.0  # times: losses of two groups of seeds differ at least so much
WITHIN = 4.0  # the step between two groups is so many times the widest group
LEAST_SEEDS = 3


def untrained(cell: Cell) -> int:
    """Return how many seeds learnt little more than to give always the same answer."""
    return sum(_untrained(run) for run in cell.runs)


def _untrained(run: RunResult) -> bool:
    reference, train = run.reference_loss, run.final.train
    return reference is not None and train is not None and train > UNTRAINED * reference


def parted(cell: Cell) -> tuple[float, float] | None:
    """Return the typical losses of the two groups that a cell's seeds fall into; None if one.

    The lowest validation losses are cut at the largest step between neighbours, in the logarithm;
    two groups need a step of APART, WITHIN times as wide as the wider group. Geometric means.
    """
    found = sorted(cell.by_seed(best_validation).values())
    if len(found) < LEAST_SEEDS or found[0] <= 0:
        return None
    logs = [log(loss) for loss in found]
    cut = max(range(1, len(logs)), key=lambda at: logs[at] - logs[at - 1])
    low, high = logs[:cut], logs[cut:]
    step, widest = high[0] - low[-1], max(low[-1] - low[0], high[-1] - high[0])
    if step < log(APART) or step < WITHIN * widest:
        return None
    return exp(sum(low) / len(low)), exp(sum(high) / len(high))

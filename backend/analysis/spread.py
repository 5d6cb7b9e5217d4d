"""Spread: cells whose seeds came to different ends, where a mean speaks of none of them."""

from math import exp, log

from backend.analysis.cells import Cell, RunResult, best_validation

UNTRAINED = 0.95  # of the loss of always giving the same answer: nothing was learnt
LEARNT = 0.5  # of it: another seed shows that the model can
APART = 2.0  # times: losses of two groups of seeds differ at least so much
WITHIN = 4.0  # the step between two groups is so many times the widest group
LEAST_SEEDS = 3


def untrained(cell: Cell) -> int:
    """Return how many seeds learnt little more than to give always the same answer.

    Where some did and none learnt much, it is the model that can do no more: 0.
    """
    shares = [share for run in cell.runs if (share := _of_constant(run)) is not None]
    stuck = sum(share > UNTRAINED for share in shares)
    return stuck if stuck == len(shares) or min(shares) < LEARNT else 0


def _of_constant(run: RunResult) -> float | None:
    """Return the last train loss over that of always giving the same answer."""
    if not run.reference_loss or run.final.train is None:
        return None
    return run.final.train / run.reference_loss


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

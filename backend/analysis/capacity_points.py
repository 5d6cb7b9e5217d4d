"""The points of a capacity curve, its optimum, and double descent along it.

The interpolation threshold is where the training set is fitted exactly: train error about 0
(Nakkiran et al. 2020), by counting at parameters = n, or n times the classes (Belkin et al. 2019).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend.analysis.cells import (
    Cell,
    RunResult,
    best_validation,
    parted,
    test_at_best,
    untrained,
)
from backend.analysis.intervals import Interval
from backend.analysis.peaks import change, peak

FITTED_ERROR = 0.01  # share of wrong answers in training: all but fitted exactly
FITTED_LOSS = 0.01  # of the loss of always giving the same answer
NEAR = 3.0  # a peak within this factor of the threshold lies at it


@dataclass(frozen=True)
class CapacityPoint:
    """One capacity: losses at the best and at the last epoch, mean and interval over seeds.

    `untrained` seeds learnt little more than a constant answer; where the seeds fall into two
    groups, `parted` has the typical lowest validation loss of each.
    """

    value: Any
    parameters: int
    validation: Interval
    test: Interval | None
    final_train: Interval | None
    final_validation: Interval | None
    fitted: bool
    untrained: int
    parted: tuple[float, float] | None


@dataclass(frozen=True)
class Optimum:
    """The capacity of the lowest validation loss; `tied` are others the seeds do not tell apart.

    `fewest` and `most` are the parameters of the smallest and largest of them all. `at_edge`: it is
    the largest measured; `open_ended`: it or one of the tied is, so that the best may lie beyond.
    """

    value: Any
    parameters: int
    validation: Interval
    test: Interval | None
    tied: Sequence[Any]
    fewest: int
    most: int
    at_edge: bool
    open_ended: bool


@dataclass(frozen=True)
class DoubleDescent:
    """Final validation loss rises, peaks at `parameters` and falls again."""

    value: Any
    parameters: int
    rise: Interval
    fall: Interval
    resolved: bool
    at_threshold: bool


def final_train(run: RunResult) -> float | None:
    """Return the train loss at the last epoch."""
    return run.final.train


def final_validation(run: RunResult) -> float | None:
    """Return the validation loss at the last epoch."""
    return run.final.validation


def points_of(line: Sequence[Cell], knob: str) -> list[CapacityPoint]:
    """Return the points of a line of cells, each of which has a validation loss."""
    return [
        CapacityPoint(
            cell.params[knob],
            cell.parameters,
            validation,
            cell.over_seeds(test_at_best),
            cell.over_seeds(final_train),
            cell.over_seeds(final_validation),
            fitted=_fitted(cell),
            untrained=untrained(cell),
            parted=parted(cell),
        )
        for cell in line
        if (validation := cell.over_seeds(best_validation))
    ]


def _fitted(cell: Cell) -> bool:
    """Whether the training set is fitted all but exactly at the last epoch, in the mean."""
    error = cell.mean(lambda run: run.errors.train if run.errors else None)
    if error is not None:
        return error <= FITTED_ERROR
    train = cell.mean(final_train)
    reference = cell.mean(lambda run: run.reference_loss)
    return train is not None and reference is not None and train <= FITTED_LOSS * reference


def optimum_of(line: Sequence[Cell], points: Sequence[CapacityPoint]) -> Optimum:
    """Return the optimum of a line of cells and its points, ascending in parameters."""
    best = min(range(len(points)), key=lambda i: points[i].validation.mean)
    differences = {
        i: change(line[i], line[best], best_validation) for i in range(len(points)) if i != best
    }
    tied = [i for i, one in differences.items() if one and not one.resolved]
    at, last = points[best], len(points) - 1
    sizes = [points[i].parameters for i in (best, *tied)]
    return Optimum(
        at.value, at.parameters, at.validation, at.test, [points[i].value for i in tied],
        min(sizes), max(sizes), at_edge=best == last, open_ended=last in (best, *tied),
    )  # fmt: skip


def double_descent_of(
    line: Sequence[Cell], points: Sequence[CapacityPoint], threshold: int
) -> DoubleDescent | None:
    """Return the double descent along a line of cells, if there is one."""
    top = peak(line, final_validation)
    if top is None:
        return None
    at = points[top.index]
    near = threshold / NEAR <= at.parameters <= threshold * NEAR
    return DoubleDescent(at.value, at.parameters, top.rise, top.fall, top.resolved, near)

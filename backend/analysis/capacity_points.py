"""Points of a capacity curve, its optimum, and double descent along it.

The interpolation threshold is the capacity from which the training set is fitted exactly. Measured,
it is where train error is about 0 (Nakkiran et al. 2020). Counted, it is where there are as many
parameters as training samples, or that number times the classes (Belkin et al. 2019).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.analysis.intervals import Interval
from backend.analysis.measured_cells import (
    Cell,
    CellLine,
    RunResult,
    best_validation,
    parted,
    peak,
    relative_change,
    test_at_best,
    untrained,
)
from backend.specification.params import ParamValue, as_number

FITTED_ERROR = 0.01  # share of wrong answers in training that counts as an exact fit
FITTED_LOSS = 0.01  # train loss that counts as an exact fit, over the loss of a constant answer
NEAR_THRESHOLD_FACTOR = 3.0  # a peak within this factor of the threshold is at the threshold


@dataclass(frozen=True)
class CapacityPoint:
    """One capacity: losses at the best and at the last epoch, mean and interval over seeds.

    `size` is the number of parameters, or the value of the capacity if that is unknown (0).

    `untrained` seeds learnt little more than a constant answer. If the seeds fall into two groups,
    `parted` has the typical lowest validation loss of each.
    """

    value: ParamValue
    parameters: int
    validation: Interval
    test: Interval | None
    final_train: Interval | None
    final_validation: Interval | None
    fitted: bool
    untrained: int
    parted: tuple[float, float] | None

    @property
    def size(self) -> float:
        """The position on an axis of capacity."""
        return self.parameters or float(as_number(self.value))


@dataclass(frozen=True)
class Optimum:
    """The capacity of the lowest validation loss; `tied` capacities may be as good by the seeds.

    `fewest` and `most` are the sizes of the smallest and largest of them all. `at_edge` is
    True if the optimum is the largest capacity measured. `open_ended` is True if the optimum or a
    tied capacity is, so that a better one may lie beyond.
    """

    value: ParamValue
    parameters: int
    validation: Interval
    test: Interval | None
    tied: Sequence[ParamValue]
    fewest: float
    most: float
    at_edge: bool
    open_ended: bool

    @property
    def size(self) -> float:
        """The position on an axis of capacity."""
        return self.parameters or float(as_number(self.value))


@dataclass(frozen=True)
class DoubleDescent:
    """A final validation loss that rises, peaks at `parameters` and falls again."""

    value: ParamValue
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


def points_of(line: CellLine, path: str) -> list[CapacityPoint]:
    """Return the points of a line along the capacity `path`; each cell has a validation loss."""
    return [
        CapacityPoint(
            cell.params[path],
            cell.parameters,
            validation,
            cell.over_seeds(test_at_best),
            cell.over_seeds(final_train),
            cell.over_seeds(final_validation),
            fitted=_is_fitted(cell),
            untrained=untrained(cell),
            parted=parted(cell),
        )
        for cell in line
        if (validation := cell.over_seeds(best_validation))
    ]


def _is_fitted(cell: Cell) -> bool:
    """Return whether the training set is fitted almost exactly at the last epoch, on average."""
    error = cell.mean(lambda run: run.errors.train if run.errors else None)
    if error is not None:
        return error <= FITTED_ERROR
    train = cell.mean(final_train)
    reference = cell.mean(lambda run: run.reference_loss)
    return train is not None and reference is not None and train <= FITTED_LOSS * reference


def optimum_of(line: CellLine, points: Sequence[CapacityPoint]) -> Optimum:
    """Return the optimum of a line of cells and its points, ascending in parameters."""
    best = min(range(len(points)), key=lambda i: points[i].validation.mean)
    changes = {
        i: relative_change(line[i], line[best], best_validation)
        for i in range(len(points))
        if i != best
    }
    tied = [i for i, change in changes.items() if change and not change.resolved]
    at, last = points[best], len(points) - 1
    sizes = [points[i].size for i in (best, *tied)]
    return Optimum(
        at.value, at.parameters, at.validation, at.test, [points[i].value for i in tied],
        min(sizes), max(sizes), at_edge=best == last, open_ended=last in (best, *tied),
    )  # fmt: skip


def double_descent_of(
    line: CellLine, points: Sequence[CapacityPoint], threshold: int
) -> DoubleDescent | None:
    """Return the double descent along a line of cells, None without one."""
    top = peak(line, final_validation)
    if top is None:
        return None
    at = points[top.index]
    factor = NEAR_THRESHOLD_FACTOR
    near = threshold / factor <= at.parameters <= threshold * factor
    return DoubleDescent(at.value, at.parameters, top.rise, top.fall, top.resolved, near)

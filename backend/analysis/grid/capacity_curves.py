"""Capacity curves: loss against the number of parameters, and what they say.

The interpolation threshold is where the training set is fitted exactly: train error about 0
(Nakkiran et al. 2020), by counting at parameters = n, or n times the classes (Belkin et al. 2019).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend.analysis.grid.cells import (
    CAPACITY,
    N_TRAIN,
    Cell,
    RunResult,
    best_validation,
    key,
    lines,
    setting,
    test_at_best,
    varying,
)
from backend.analysis.grid.intervals import Interval
from backend.analysis.grid.shape import change, peak
from backend.analysis.number import number

FITTED_ERROR = 0.01  # share of wrong answers in training: all but fitted exactly
FITTED_LOSS = 0.01  # of the loss of always giving the same answer
NEAR = 3.0  # a peak within this factor of the threshold lies at it


@dataclass(frozen=True)
class CapacityPoint:
    """One capacity: losses at the best and at the last epoch, mean and interval over seeds."""

    value: Any
    parameters: int
    validation: Interval
    test: Interval | None
    final_train: Interval | None
    final_validation: Interval | None
    fitted: bool


@dataclass(frozen=True)
class Optimum:
    """The capacity of the lowest validation loss; `tied` are others the seeds do not tell apart.

    `fewest` and `most` are the parameters of the smallest and largest of them all.
    """

    value: Any
    parameters: int
    validation: Interval
    test: Interval | None
    tied: Sequence[Any]
    fewest: int
    most: int
    at_edge: bool


@dataclass(frozen=True)
class DoubleDescent:
    """Final validation loss rises, peaks at `parameters` and falls again."""

    value: Any
    parameters: int
    rise: Interval
    fall: Interval
    resolved: bool
    at_threshold: bool


@dataclass(frozen=True)
class CapacityCurve:
    """Loss over one capacity knob.

    `counted_threshold` is the number of parameters at which there are as many as numbers to fit;
    `measured_threshold` that of the first capacity that fits the training set, None if none does.
    """

    knob: str
    setting: dict[str, Any]
    n_train: int
    points: Sequence[CapacityPoint]
    optimum: Optimum
    counted_threshold: int
    measured_threshold: int | None
    double_descent: DoubleDescent | None
    reading: str
    sentence: str


@dataclass(frozen=True)
class OptimumAt:
    """The best capacity for one training-set size."""

    n_train: int
    optimum: Optimum


@dataclass(frozen=True)
class OptimumCurve:
    """The best capacity for each training-set size, the other knobs being as `setting` says."""

    setting: dict[str, Any]
    knob: str
    optima: Sequence[OptimumAt]
    sentence: str


def capacity_curves(found: Sequence[Cell]) -> list[CapacityCurve]:
    """Return the capacity curves of a grid, along the capacity knob with the most values."""
    differing = varying(found)
    knob = capacity_knob(differing)
    knobs = [path for path in differing if path != knob]
    made = []
    for line in lines(found, knob):
        measured = [cell for cell in line if cell.mean(best_validation) is not None]
        if len(measured) > 1:
            where = setting(line[0].params, knobs)
            made.append(_curve(measured, knob, where))
    return made


def capacity_knob(differing: Mapping[str, Sequence[Any]]) -> str:
    """Return the capacity knob with the most values, "" where none varies."""
    knobs = [knob for knob in CAPACITY if knob in differing]
    return max(knobs, key=lambda knob: len(differing[knob]), default="")


def final_validation(run: RunResult) -> float | None:
    """Return the validation loss at the last epoch."""
    return run.final.validation


def optimum_curves(curves: Sequence[CapacityCurve]) -> list[OptimumCurve]:
    """Return the optimum capacity over the training-set sizes, where there are two or more."""
    groups: dict[tuple[tuple[str, Any], ...], list[CapacityCurve]] = {}
    for curve in curves:
        groups.setdefault(key(curve.setting, without=(N_TRAIN,)), []).append(curve)
    made = []
    for where, group in groups.items():
        ordered = sorted(group, key=lambda curve: curve.n_train)
        if len(ordered) > 1:
            optima = [OptimumAt(curve.n_train, curve.optimum) for curve in ordered]
            made.append(OptimumCurve(dict(where), group[0].knob, optima, _about_optima(optima)))
    return made


def _about_optima(optima: Sequence[OptimumAt]) -> str:
    told = ", ".join(
        f"{one.optimum.parameters:,} parameters for {one.n_train:,} samples" for one in optima
    )
    open_ones = [o for o in optima if o.optimum.tied or o.optimum.validation.low is None]
    text = f"Validation loss is lowest with {told}."
    if not open_ones:
        return text
    return f"{text} For {len(open_ones)} of the {len(optima)} sizes the seeds leave others open."


def _curve(line: Sequence[Cell], knob: str, where: dict[str, Any]) -> CapacityCurve:
    line = sorted(line, key=lambda cell: cell.parameters)
    threshold = line[0].n_train * line[0].runs[0].outputs
    points = [point for cell in line if (point := _point(cell, knob))]
    optimum = _optimum(line, points)
    measured = next((point.parameters for point in points if point.fitted), None)
    double = _double_descent(line, points, measured or threshold)
    reading = _reading(points, optimum)
    parts = [_about_optimum(optimum), reading, _about_threshold(measured, threshold)]
    if double:
        parts.append(_about_double_descent(double))
    return CapacityCurve(
        knob, where, line[0].n_train, points, optimum, threshold, measured, double, reading,
        " ".join(parts),
    )  # fmt: skip


def _point(cell: Cell, knob: str) -> CapacityPoint | None:
    validation = cell.over_seeds(best_validation)
    if validation is None:
        return None
    return CapacityPoint(
        cell.params[knob],
        cell.parameters,
        validation,
        cell.over_seeds(test_at_best),
        cell.over_seeds(lambda run: run.final.train),
        cell.over_seeds(final_validation),
        fitted=_fitted(cell),
    )


def _fitted(cell: Cell) -> bool:
    """Whether the training set is fitted all but exactly at the last epoch, in the mean."""
    error = cell.mean(lambda run: run.errors.train if run.errors else None)
    if error is not None:
        return error <= FITTED_ERROR
    train = cell.mean(lambda run: run.final.train)
    reference = cell.mean(lambda run: run.reference_loss)
    return train is not None and reference is not None and train <= FITTED_LOSS * reference


def _optimum(line: Sequence[Cell], points: Sequence[CapacityPoint]) -> Optimum:
    best = min(range(len(points)), key=lambda i: points[i].validation.mean)
    others = [i for i in range(len(points)) if i != best]
    differences = {i: change(line[i], line[best], best_validation) for i in others}
    tied = [points[i] for i, one in differences.items() if one and not one.resolved]
    at = points[best]
    sizes = [point.parameters for point in (at, *tied)]
    return Optimum(
        at.value, at.parameters, at.validation, at.test, [point.value for point in tied],
        min(sizes), max(sizes), at_edge=best == len(points) - 1,
    )  # fmt: skip


def _double_descent(
    line: Sequence[Cell], points: Sequence[CapacityPoint], threshold: int
) -> DoubleDescent | None:
    top = peak(line, final_validation)
    if top is None:
        return None
    at = points[top.index]
    near = threshold / NEAR <= at.parameters <= threshold * NEAR
    return DoubleDescent(at.value, at.parameters, top.rise, top.fall, top.resolved, near)


def _about_optimum(optimum: Optimum) -> str:
    test = f" (test loss there {number(optimum.test.mean)})" if optimum.test else ""
    text = (
        f"Validation loss is lowest, {number(optimum.validation.mean)}{test}, at "
        f"{optimum.parameters:,} parameters"
    )
    if optimum.validation.low is None:
        return f"{text}; with one seed, neighbours may be as good."
    if optimum.tied:
        return f"{text}; the seeds do not tell it from {len(optimum.tied)} of the other capacities."
    if optimum.at_edge:
        return f"{text}, the largest measured: a larger model may do better."
    return f"{text}."


def _reading(points: Sequence[CapacityPoint], optimum: Optimum) -> str:
    """Say what limits on either side of the optimum: bias to the left, variance to the right."""
    smallest, largest = points[0], points[-1]
    told = []
    if optimum.parameters != smallest.parameters and smallest.final_train:
        told.append(
            f"The smallest model ends with a train loss of {number(smallest.final_train.mean)}: "
            "bias, it cannot fit even its sample."
            if not smallest.fitted
            else "Even the smallest model fits its sample."
        )
    train, validation = largest.final_train, largest.final_validation
    if optimum.parameters != largest.parameters and train and validation:
        gap = validation.mean - train.mean
        told.append(f"The largest ends {number(gap)} above its train loss: variance.")
    return " ".join(told)


def _about_threshold(measured: int | None, counted: int) -> str:
    if measured is None:
        return (
            "No model here fits the training set exactly; as many parameters as numbers to fit "
            f"would be {counted:,}."
        )
    return (
        f"From {measured:,} parameters on train error is about 0, the interpolation threshold; "
        f"there are as many parameters as numbers to fit at {counted:,}."
    )


def _about_double_descent(found: DoubleDescent) -> str:
    where = "at" if found.at_threshold else "away from"
    sure = "" if found.resolved else " The seeds cannot rule out chance."
    start = "Double descent" if found.resolved else "Perhaps double descent"
    return (
        f"{start}: final validation loss peaks at {found.parameters:,} parameters, {where} "
        f"the threshold, {1 + found.fall.mean:.3g} times that of larger models.{sure}"
    )

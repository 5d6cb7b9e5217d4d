"""Capacity curves: loss against the number of parameters, and the optimum over sizes of data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend.analysis.capacity_points import (
    CapacityPoint,
    DoubleDescent,
    Optimum,
    double_descent_of,
    optimum_of,
    points_of,
)
from backend.analysis.capacity_reading import (
    about_double_descent,
    about_optimum,
    about_seeds,
    about_sides,
    about_threshold,
)
from backend.analysis.cells import (
    CAPACITY,
    N_TRAIN,
    Cell,
    best_validation,
    key,
    lines,
    setting,
    varying,
)


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
    text = f"Validation loss is lowest with {told}."
    unsure = [o for o in optima if o.optimum.tied or o.optimum.validation.low is None]
    if unsure:
        text += f" {_of(unsure, optima)} the seeds leave others open."
    beyond = [o for o in optima if o.optimum.open_ended]
    if beyond:
        text += f" {_of(beyond, optima)} the largest capacity is among the best: it may lie beyond."
    return text


def _of(some: Sequence[OptimumAt], optima: Sequence[OptimumAt]) -> str:
    if len(some) == len(optima):
        return "At all sizes"
    return f"At {', '.join(f'{one.n_train:,}' for one in some)} samples"


def _curve(line: Sequence[Cell], knob: str, where: dict[str, Any]) -> CapacityCurve:
    line = sorted(line, key=lambda cell: cell.parameters)
    counted = line[0].n_train * line[0].runs[0].outputs
    points = points_of(line, knob)
    optimum = optimum_of(line, points)
    best = line[[point.value for point in points].index(optimum.value)]
    measured = next((point.parameters for point in points if point.fitted), None)
    double = double_descent_of(line, points, measured or counted)
    reading = about_sides(line[0], best, line[-1])
    parts = [
        about_optimum(optimum, knob),
        about_seeds(points, knob),
        reading,
        about_threshold(points, counted),
        about_double_descent(double) if double else "",
    ]
    return CapacityCurve(
        knob, where, line[0].n_train, points, optimum, counted, measured, double, reading,
        " ".join(filter(None, parts)),
    )  # fmt: skip

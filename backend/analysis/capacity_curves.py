"""Capacity curves: loss against the number of parameters, and the optimum over sizes of data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend.analysis.capacity_points import (
    CapacityPoint,
    DoubleDescent,
    Optimum,
    double_descent_of,
    final_train,
    optimum_of,
    points_of,
)
from backend.analysis.cells import (
    CAPACITY,
    N_TRAIN,
    Cell,
    best_validation,
    key,
    lines,
    setting,
    untrained,
    varying_cells,
)
from backend.analysis.effects import NOTICEABLE_FALL, half_of_training
from backend.analysis.intervals import paired
from backend.analysis.peaks import change
from backend.diagnosis.number_format import number, relative

LISTED = 3  # capacities named one by one


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
    differing = varying_cells(found)
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


def about_optimum(optimum: Optimum, knob: str) -> str:
    """Say where validation loss is lowest, and how sure that is."""
    test = f" (test loss there {number(optimum.test.mean)})" if optimum.test else ""
    text = (
        f"Validation loss is lowest, {number(optimum.validation.mean)}{test}, at "
        f"{optimum.parameters:,} parameters ({named(knob, [optimum.value])})"
    )
    beyond = "the optimum may lie beyond"
    if optimum.at_edge:
        text += f", the largest measured: {beyond}"
    if optimum.validation.low is None:
        return f"{text}. With one seed, other capacities may be as good."
    if not optimum.tied:
        return f"{text}."
    text += f". The seeds do not tell it from {named(knob, optimum.tied)}"
    return f"{text}." if optimum.at_edge or not optimum.open_ended else f"{text}: {beyond}."


def named(knob: str, values: Sequence[object]) -> str:
    """Name capacities: "width 2, 4 and 8", or how many where they are many."""
    name = knob.split(".")[-1]
    if len(values) > LISTED:
        return f"{len(values)} other values of {name}"
    *others, last = map(str, values)
    return f"{name} {', '.join(others)}{' and ' * bool(others)}{last}"


def about_sides(smallest: Cell, best: Cell, largest: Cell) -> str:
    """Say what was measured on either side of the optimum."""
    told = []
    if smallest is not best and not untrained(smallest):
        told.append(_about_smallest(smallest, best))
    if largest is not best and not untrained(largest):
        told.append(_about_largest(largest, best))
    return " ".join(filter(None, told))


def _about_smallest(smallest: Cell, best: Cell) -> str:
    worse = change(smallest, best, final_train)
    mine, theirs = smallest.mean(final_train), best.mean(final_train)
    if worse is None or not worse.resolved or worse.mean < 0 or mine is None or theirs is None:
        return ""
    half = half_of_training(smallest)
    falling = half and paired(
        smallest.by_seed(best_validation), smallest.by_seed(lambda run: run.reached[half])
    )
    why = (
        "bias, or too little training, as its loss was still falling"
        if falling and falling.mean <= -NOTICEABLE_FALL
        else "bias"
    )
    return (
        f"The smallest model ends with a train loss of {number(mine)}, the best with "
        f"{number(theirs)}: it fits even its sample worse ({why})."
    )


def _about_largest(largest: Cell, best: Cell) -> str:
    worse = change(largest, best, best_validation)
    if worse is None or worse.low is None or worse.high is None or worse.low <= 0:
        return ""
    text = (
        f"The largest model's validation loss is higher by {relative(worse.mean)} "
        f"({relative(worse.low)} to {relative(worse.high)})"
    )
    fit = change(largest, best, final_train)
    if fit and fit.resolved and fit.mean > 0:
        return f"{text}, but its train loss is higher too: it was not trained as well."
    return f"{text} though it fits its sample no worse (variance)."


def about_seeds(points: Sequence[CapacityPoint], knob: str) -> str:
    """Name the cells of which seeds did not learn, or came to different ends."""
    told = [
        f"{'All' if one.untrained == one.validation.count else one.untrained} of the "
        f"{one.validation.count} seeds of {named(knob, [one.value])} learnt little more than to "
        "give always the same answer."
        for one in points
        if one.untrained
    ]
    told += [
        f"The seeds of {named(knob, [one.value])} fall into two groups, at about "
        f"{number(one.parted[0])} and {number(one.parted[1])}: their mean is typical of neither."
        for one in points
        if one.parted and not one.untrained
    ]
    more = len(told) - LISTED
    return " ".join(told[:LISTED]) + (f" So it is with {more} more." if more > 0 else "")


def about_threshold(points: Sequence[CapacityPoint], counted: int) -> str:
    """Say from where on the training set is fitted, measured and counted."""
    fitted = [point for point in points if point.fitted]
    if not fitted:
        return (
            "No model here fits the training set exactly; as many parameters as numbers to fit "
            f"would be {counted:,}."
        )
    first = fitted[0].parameters
    onwards = fitted == list(points[-len(fitted) :])
    start = f"From {first:,} parameters on" if onwards else f"First at {first:,} parameters"
    return (
        f"{start} train error is about 0, the interpolation threshold; "
        f"there are as many parameters as numbers to fit at {counted:,}."
    )


def about_double_descent(found: DoubleDescent) -> str:
    """Say where the final validation loss peaks."""
    where = "at" if found.at_threshold else "away from"
    sure = "" if found.resolved else " The seeds cannot rule out chance."
    start = "Double descent" if found.resolved else "Perhaps double descent"
    return (
        f"{start}: final validation loss peaks at {found.parameters:,} parameters, {where} "
        f"the threshold, {1 + found.fall.mean:.3g} times that of larger models.{sure}"
    )

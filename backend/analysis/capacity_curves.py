"""Capacity curves: loss against the number of parameters, and the optimum over sizes of data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backend.analysis.capacity_points import (
    CapacityPoint,
    DoubleDescent,
    Optimum,
    double_descent_of,
    final_train,
    optimum_of,
    points_of,
)
from backend.analysis.cells import CAPACITY, N_TRAIN, group_by, params_key, setting, varying
from backend.analysis.effects import NOTICEABLE_FALL, second_half_change
from backend.analysis.measured_cells import (
    Cell,
    CellLine,
    best_validation,
    lines,
    relative_change,
    untrained,
)
from backend.diagnosis.number_format import number, relative
from backend.specification.hyperparameters import shown_name
from backend.specification.params import ParamValue

MAX_NAMED = 3  # capacities or cells that a sentence names one by one


@dataclass(frozen=True)
class CapacityCurve:
    """Loss over one capacity hyperparameter, `knob`, at one setting of all others.

    `counted_threshold` is the number of values to fit: with as many parameters the training set
    can be fitted exactly. `measured_threshold` is the number of parameters of the first capacity
    that fits it, None if no capacity does.
    """

    knob: str
    setting: dict[str, ParamValue]
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
    """The best capacity for each training-set size, at one setting of all other hyperparameters."""

    setting: dict[str, ParamValue]
    knob: str
    optima: Sequence[OptimumAt]
    sentence: str


def capacity_curves(cells: Sequence[Cell]) -> list[CapacityCurve]:
    """Return the capacity curves of a grid, along the capacity with the most values."""
    values = varying([cell.params for cell in cells])
    capacity = capacity_axis(values)
    others = [path for path in values if path != capacity]
    curves = []
    for line in lines(cells, capacity):
        measured = [cell for cell in line if cell.mean(best_validation) is not None]
        if len(measured) > 1:
            curves.append(_curve(measured, capacity, setting(line[0].params, others)))
    return curves


def capacity_axis(values: Mapping[str, Sequence[ParamValue]]) -> str:
    """Return the capacity with the most values among varying hyperparameters, "" without any."""
    paths = [own for path in CAPACITY for own in values if own == path]  # may be an OwnName
    return max(paths, key=lambda path: len(values[path]), default="")


def optimum_curves(curves: Sequence[CapacityCurve]) -> list[OptimumCurve]:
    """Return the optimum capacity over the training-set sizes, where there are two or more."""
    optimum_curves = []
    for group in group_by(curves, lambda curve: params_key(curve.setting, without=(N_TRAIN,))):
        ordered = sorted(group, key=lambda curve: curve.n_train)
        if len(ordered) > 1:
            optima = [OptimumAt(curve.n_train, curve.optimum) for curve in ordered]
            others = dict(params_key(ordered[0].setting, without=(N_TRAIN,)))
            sentence = _optima_sentence(optima, group[0].knob)
            optimum_curves.append(OptimumCurve(others, group[0].knob, optima, sentence))
    return optimum_curves


def _optima_sentence(optima: Sequence[OptimumAt], capacity: str) -> str:
    sizes = ", ".join(f"{_size(at.optimum, capacity)} for {at.n_train:,} samples" for at in optima)
    text = f"Validation loss is lowest with {sizes}."
    unsure = [at for at in optima if at.optimum.tied or at.optimum.validation.low is None]
    if unsure:
        text += f" {_at_sizes(unsure, optima)} the seeds do not exclude other capacities."
    beyond = [at for at in optima if at.optimum.open_ended]
    if beyond:
        where = _at_sizes(beyond, optima)
        text += f" {where} the largest capacity is among the best: it may lie beyond."
    return text


def _at_sizes(some: Sequence[OptimumAt], optima: Sequence[OptimumAt]) -> str:
    if len(some) == len(optima):
        return "At all sizes"
    return f"At {', '.join(f'{at.n_train:,}' for at in some)} samples"


def _curve(line: CellLine, capacity: str, where: dict[str, ParamValue]) -> CapacityCurve:
    line = sorted(line, key=lambda cell: cell.parameters)
    counted = line[0].n_train * line[0].runs[0].outputs
    points = points_of(line, capacity)
    optimum = optimum_of(line, points)
    best = line[[point.value for point in points].index(optimum.value)]
    measured = next((point.parameters for point in points if point.fitted), None)
    descent = double_descent_of(line, points, measured or counted)
    reading = sides_sentence(line[0], best, line[-1])
    sentences = [
        optimum_sentence(optimum, capacity),
        seeds_sentence(points, capacity),
        reading,
        threshold_sentence(points, counted),
        double_descent_sentence(descent) if descent else "",
    ]
    return CapacityCurve(
        capacity, where, line[0].n_train, points, optimum, counted, measured, descent, reading,
        " ".join(filter(None, sentences)),
    )  # fmt: skip


def optimum_sentence(optimum: Optimum, capacity: str) -> str:
    """Describe where validation loss is lowest, and how certain that is."""
    test = f" (test loss there {number(optimum.test.mean)})" if optimum.test else ""
    text = (
        f"Validation loss is lowest, {number(optimum.validation.mean)}{test}, at "
        f"{_size(optimum, capacity)}"
    )
    if optimum.parameters:
        text += f" ({named(capacity, [optimum.value])})"
    beyond = "the optimum may lie beyond"
    if optimum.at_edge:
        text += f", the largest measured: {beyond}"
    if optimum.validation.low is None:
        return f"{text}. With one seed, other capacities may be as good."
    if not optimum.tied:
        return f"{text}."
    text += f". The seeds do not distinguish it from {named(capacity, optimum.tied)}"
    return f"{text}." if optimum.at_edge or not optimum.open_ended else f"{text}: {beyond}."


def _size(optimum: Optimum, capacity: str) -> str:
    """Name an optimum by its number of parameters, or by its capacity if that is unknown."""
    if optimum.parameters:
        return f"{optimum.parameters:,} parameters"
    return named(capacity, [optimum.value])


def named(capacity: str, values: Sequence[object]) -> str:
    """Name capacities: "width 2, 4 and 8", or their number if there are many."""
    name = shown_name(capacity)
    if len(values) > MAX_NAMED:
        return f"{len(values)} other values of {name}"
    *others, last = map(str, values)
    return f"{name} {', '.join(others)}{' and ' * bool(others)}{last}"


def sides_sentence(smallest: Cell, best: Cell, largest: Cell) -> str:
    """Describe the measurements on either side of the optimum."""
    sentences = []
    if smallest is not best and not untrained(smallest):
        sentences.append(_smallest_sentence(smallest, best))
    if largest is not best and not untrained(largest):
        sentences.append(_largest_sentence(largest, best))
    return " ".join(filter(None, sentences))


def _smallest_sentence(smallest: Cell, best: Cell) -> str:
    worse = relative_change(smallest, best, final_train)
    mine, theirs = smallest.mean(final_train), best.mean(final_train)
    if worse is None or not worse.resolved or worse.mean < 0 or mine is None or theirs is None:
        return ""
    falling = second_half_change(smallest)
    why = (
        "bias, or too little training, as its loss was still falling"
        if falling and falling.mean <= -NOTICEABLE_FALL
        else "bias"
    )
    return (
        f"The smallest model ends with a train loss of {number(mine)}, the best with "
        f"{number(theirs)}: it fits even its sample worse ({why})."
    )


def _largest_sentence(largest: Cell, best: Cell) -> str:
    worse = relative_change(largest, best, best_validation)
    if worse is None or worse.low is None or worse.high is None or worse.low <= 0:
        return ""
    text = (
        f"The largest model's validation loss is higher by {relative(worse.mean)} "
        f"({relative(worse.low)} to {relative(worse.high)})"
    )
    fit = relative_change(largest, best, final_train)
    if fit and fit.resolved and fit.mean > 0:
        return f"{text}, but its train loss is higher too: it was not trained as well."
    return f"{text} though it fits its sample no worse (variance)."


def seeds_sentence(points: Sequence[CapacityPoint], capacity: str) -> str:
    """Name the cells with seeds that did not learn, and those whose seeds fall into two groups."""
    sentences = [
        f"{'All' if point.untrained == point.validation.count else point.untrained} of the "
        f"{point.validation.count} seeds of {named(capacity, [point.value])} learnt little more "
        "than to always give the same answer."
        for point in points
        if point.untrained
    ]
    sentences += [
        f"The seeds of {named(capacity, [point.value])} fall into two groups, at about "
        f"{number(point.parted[0])} and {number(point.parted[1])}: their mean is typical of "
        "neither."
        for point in points
        if point.parted and not point.untrained
    ]
    more = len(sentences) - MAX_NAMED
    rest = [f"The same holds for {more} more."] if more > 0 else []
    return " ".join([*sentences[:MAX_NAMED], *rest])


def threshold_sentence(points: Sequence[CapacityPoint], counted: int) -> str:
    """Describe the capacity from which the training set is fitted exactly, measured and counted."""
    fitted = [point for point in points if point.fitted]
    if not counted or not points[0].parameters:  # one of them is unknown
        return ""
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


def double_descent_sentence(descent: DoubleDescent) -> str:
    """Describe where the final validation loss peaks."""
    where = "at" if descent.at_threshold else "away from"
    at = f"{descent.parameters:,} parameters, {where} the threshold"
    if not descent.parameters:
        at = f"{descent.value}"
    sure = "" if descent.resolved else " The seeds cannot rule out chance."
    start = "Double descent" if descent.resolved else "Perhaps double descent"
    return (
        f"{start}: final validation loss peaks at {at}, "
        f"{1 + descent.fall.mean:.3g} times that of larger models.{sure}"
    )

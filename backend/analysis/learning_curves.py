"""Learning curves: loss at the best epoch against the number of training samples."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.analysis.cells import N_TRAIN, setting, varying
from backend.analysis.intervals import Interval
from backend.analysis.measured_cells import (
    Cell,
    CellLine,
    Peak,
    best_validation,
    lines,
    peak,
    relative_change,
    test_at_best,
    train_at_best,
)
from backend.analysis.power_law import MIN_POINTS, LawEstimate, PowerLaw, fit
from backend.diagnosis.number_format import number
from backend.specification.params import ParamValue

DRAWN_POINTS = 60  # of the fitted curve
# Multiples of the largest size that are forecast; the drawn curve ends at the last one.
FORECAST_FACTORS = (2, 4, 10.0)
DEFAULT_TARGET = 0.9  # of the lowest measured loss


@dataclass(frozen=True)
class SizePoint:
    """One training-set size: losses at the best epoch, mean and interval over the seeds."""

    n_train: int
    train: Interval | None
    validation: Interval
    test: Interval | None


@dataclass(frozen=True)
class LawPoint:
    """The fitted law at one size, with its interval."""

    n_train: float
    loss: float
    low: float
    high: float


@dataclass(frozen=True)
class Forecast:
    """A loss at a size, predicted by the law and by repeating the last value."""

    n_train: float
    law: LawEstimate
    constant: float


@dataclass(frozen=True)
class BackTest:
    """The largest size predicted from the smaller ones, with the relative errors."""

    n_train: int
    measured: float
    forecast: Forecast
    law_error: float
    constant_error: float


@dataclass(frozen=True)
class Law:
    """The law a n^-b + c fitted to the validation losses from `fitted_from` samples on.

    `floor` is c with its interval. `target_samples` estimates the samples needed for a loss of
    `target`. It is None if the law is unreliable, for the reason in `doubt`.
    """

    a: float
    b: float
    c: float
    floor: LawEstimate
    scatter: float
    fitted_from: int
    drawn: Sequence[LawPoint]
    forecasts: Sequence[Forecast]
    target: float
    target_samples: LawEstimate | None
    back_test: BackTest | None
    doubt: str | None


@dataclass(frozen=True)
class LearningCurve:
    """The learning curve at one setting. If there is no law, `why` has the reason."""

    setting: dict[str, ParamValue]
    points: Sequence[SizePoint]
    peak_at: int | None
    peak_resolved: bool
    law: Law | None
    why: str | None
    sentence: str


def learning_curves(cells: Sequence[Cell], *, target: float | None = None) -> list[LearningCurve]:
    """Return the learning curves of a grid, sorted by the loss of the largest size."""
    others = [path for path in varying([cell.params for cell in cells]) if path != N_TRAIN]
    curves = [
        _curve(line, setting(line[0].params, others), target) for line in lines(cells, N_TRAIN)
    ]
    return sorted(
        [curve for curve in curves if len(curve.points) > 1],
        key=lambda curve: curve.points[-1].validation.mean,
    )


def _curve(line: CellLine, where: dict[str, ParamValue], target: float | None) -> LearningCurve:
    line = [cell for cell in line if cell.mean(best_validation) is not None]
    points = [
        SizePoint(cell.n_train, cell.over_seeds(train_at_best), validation, test)
        for cell in line
        if (validation := cell.over_seeds(best_validation))
        for test in [cell.over_seeds(test_at_best)]
    ]
    top = peak(line, best_validation)
    after = points[top.index :] if top else points
    why = _why_no_law(line, after, top)
    fitted = None if why else _fit(after)
    if fitted and fitted.is_step:
        fitted, why = None, "Loss falls faster than a power law here, so none is fitted."
    law = None
    if fitted:
        fall = relative_change(line[-1], line[-len(after)], best_validation)
        law = _law(fitted, after, fall, target)
    return LearningCurve(
        where,
        points,
        peak_at=points[top.index].n_train if top else None,
        peak_resolved=bool(top and top.resolved),
        law=law,
        why=why,
        sentence=_sentence(line, points, top, law, why),
    )


def _why_no_law(line: CellLine, points: Sequence[SizePoint], top: Peak | None) -> str | None:
    if len(points) < MIN_POINTS:
        beyond = " beyond the peak" if top else ""
        return f"{len(points)} sizes{beyond} are too few for a fitted law; {MIN_POINTS} are needed."
    if min(point.validation.mean for point in points) <= 0:
        return "The losses reach 0, where a power law cannot be fitted."
    rise = relative_change(line[-1], line[-len(points)], best_validation)
    if rise and rise.mean > 0:
        return "Loss does not fall with more data here: there is no law to fit."
    return None


def _fit(points: Sequence[SizePoint]) -> PowerLaw:
    return fit(
        [point.n_train for point in points],
        [point.validation.mean for point in points],
        [point.validation.standard_error for point in points],
    )


def _law(
    law: PowerLaw, points: Sequence[SizePoint], fall: Interval | None, target: float | None
) -> Law:
    first, last = points[0].n_train, points[-1].n_train
    constant = points[-1].validation.mean
    target = target or DEFAULT_TARGET * min(point.validation.mean for point in points)
    sizes = np.geomspace(first, FORECAST_FACTORS[-1] * last, DRAWN_POINTS)
    drawn = [
        LawPoint(float(n), at.value or 0.0, at.low or 0.0, at.high or 0.0)
        for n, at in zip(sizes, law.along(sizes), strict=True)
    ]
    forecasts = [
        Forecast(factor * last, law.at(factor * last), constant) for factor in FORECAST_FACTORS
    ]
    back_test = _back_test(points)
    doubt = _doubt(law, points, fall, back_test)
    return Law(
        law.a, law.b, law.c, law.floor, law.scatter, first, drawn, forecasts,
        target, None if doubt else law.samples_for(target), back_test, doubt,
    )  # fmt: skip


def _doubt(
    law: PowerLaw, points: Sequence[SizePoint], fall: Interval | None, back_test: BackTest | None
) -> str | None:
    """Return why a law is unreliable, None if nothing speaks against it."""
    if fall and fall.low is not None:
        if not fall.resolved:
            return f"the scatter over {fall.count} seeds does not resolve that loss falls at all"
    elif _overlap(law.at(points[0].n_train), law.at(points[-1].n_train)):
        return "the losses scatter too much about it to tell that they fall"
    if back_test and back_test.law_error > back_test.constant_error:
        return (
            f"of {back_test.n_train:,} samples it predicts the loss {back_test.law_error:.0%} off "
            f"from fewer, the last value {back_test.constant_error:.0%}"
        )
    return None


def _overlap(first: LawEstimate, last: LawEstimate) -> bool:
    return (first.low or 0.0) <= (last.high or 0.0)


def _back_test(points: Sequence[SizePoint]) -> BackTest | None:
    if len(points) <= MIN_POINTS:
        return None
    known, last = points[:-1], points[-1]
    measured, constant = last.validation.mean, known[-1].validation.mean
    predicted = _fit(known).at(last.n_train)
    return BackTest(
        last.n_train,
        measured,
        Forecast(last.n_train, predicted, constant),
        abs((predicted.value or 0.0) / measured - 1),
        abs(constant / measured - 1),
    )


def _sentence(
    line: CellLine,
    points: Sequence[SizePoint],
    top: Peak | None,
    law: Law | None,
    why: str | None,
) -> str:
    first, last = points[0], points[-1]
    moved = relative_change(line[-1], line[0], best_validation)
    doubt = "" if moved is None or moved.resolved else f", which {_seeds(line)} does not resolve"
    text = (
        f"From {first.n_train:,} to {last.n_train:,} training samples the lowest validation loss "
        f"goes from {number(first.validation.mean)} to {number(last.validation.mean)}{doubt}."
    )
    if top:
        sure = "" if top.resolved else f" ({_seeds(line)} cannot rule out chance)"
        text += (
            f" It is ill-behaved: loss peaks at {points[top.index].n_train:,} samples, "
            f"{1 + top.fall.mean:.3g} times what more data bring{sure}."
        )
    return f"{text} {_outlook(law) if law else why}"


def _outlook(law: Law) -> str:
    ahead, needed = law.forecasts[-1], law.target_samples
    text = (
        f"The fitted law {_formula(law)} gives {number(ahead.law.value or 0)} "
        f"({number(ahead.law.low or 0)} to {number(ahead.law.high or 0)}) at "
        f"{ahead.n_train:,.0f} samples; without a law, the last value is {number(ahead.constant)}."
    )
    if needed is None:
        return f"{text} Do not rely on the law: {law.doubt}."
    if law.back_test is None:
        text += f" With {MIN_POINTS} sizes, none is left to test the law on."
    loss = f"a loss of {number(law.target)}"
    if needed.value is None and law.c >= law.target:
        return f"{text} It reaches {loss} with no amount of data: its floor is {number(law.c)}."
    if needed.value is None:
        return f"{text} It reaches {loss} far beyond the sizes measured, if at all."
    low = _about(needed.low or needed.value)
    span = f"at least {low}" if needed.high is None else f"{low} to {_about(needed.high)}"
    return f"{text} About {_about(needed.value)} samples for {loss} ({span})."


def _formula(law: Law) -> str:
    return f"{law.a:.3g} n^-{law.b:.2g} + {law.c:.3g}"


def _about(n: float) -> str:
    return f"{float(f'{n:.2g}'):,.0f}"


def _seeds(line: CellLine) -> str:
    count = max(len(cell.runs) for cell in line)
    return "one seed" if count == 1 else f"the scatter over {count} seeds"

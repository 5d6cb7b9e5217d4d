"""Effects: how one measured step along an axis changes the validation loss, paired by seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2
from typing import Literal

from backend.analysis.cells import (
    CAPACITY,
    EPOCHS,
    N_TRAIN,
    NOISE,
    REGULARISATION,
    params_key,
)
from backend.analysis.intervals import Interval, paired
from backend.analysis.measured_cells import (
    Cell,
    CellLine,
    best_validation,
    relative_change,
    test_at_best,
)
from backend.diagnosis.number_format import relative
from backend.specification.hyperparameters import shown_name
from backend.specification.params import ParamValue, as_number

Factor = Literal["data", "capacity", "training length", "regularisation", "noise"]
EffectFinding = Literal["limits", "does not limit", "not resolved", "not assessable"]

AXES: dict[Factor, Sequence[str]] = {
    "data": (N_TRAIN,),
    "capacity": CAPACITY,
    "regularisation": REGULARISATION,
    "noise": NOISE,
}
"""The hyperparameters of each factor."""

NOTICEABLE_FALL = 0.03  # relative fall of the loss per doubling: a smaller one does not count
MIN_EPOCHS = 4  # with fewer epochs, the second half of training says nothing
NEGLIGIBLE_CHANGE = 0.005  # relative change that is written as "less than 0.5 %"
ONE_VALUE = "only one value of it was measured next to the best model"

_MORE: dict[Factor, str] = {
    "data": "more data",
    "capacity": "more capacity",
    "regularisation": "more regularisation",
}


@dataclass(frozen=True)
class StepEffect:
    """The change of the validation loss by one step of a hyperparameter, `before` to `after`.

    `change` is relative and paired by seed: -0.1 is "a tenth lower". `test` is the change of the
    test loss at the best epoch. If no step was measured, only factor, finding and sentence are set.
    """

    factor: Factor
    finding: EffectFinding
    sentence: str
    knob: str | None = None
    before: ParamValue = None
    after: ParamValue = None
    change: Interval | None = None
    test: Interval | None = None


def step_effect(cells: Sequence[Cell], best: Cell, factor: Factor) -> StepEffect:
    """Judge an increase of a factor by the step beyond the best cell, or at the edge to it."""
    path, line = _factor_line(cells, best, factor)
    if len(line) < 2:
        return not_assessable(factor, ONE_VALUE)
    index = min(line.index(best), len(line) - 2)
    less, more = line[index], line[index + 1]
    change = relative_change(more, less, best_validation)
    low, high = less.params[path], more.params[path]
    doublings = max(1.0, log2(as_number(high) / as_number(low))) if low else 1.0
    finding = _judge(change, doublings)
    sentence = f"{_verdict(finding, _MORE[factor])}: {step_text(path, low, high, change)}."
    test = relative_change(more, less, test_at_best)
    return StepEffect(factor, finding, sentence, path, low, high, change, test)


def training_effect(best: Cell) -> StepEffect:
    """Judge longer training by the change that the second half of the best cell's epochs made."""
    epochs = min(run.epochs for run in best.runs)
    half = half_of_training(best)
    if half is None:
        return not_assessable("training length", "the runs are too short")
    change = second_half_change(best)
    finding = _judge(change, log2(epochs / half))
    sentence = f"{_verdict(finding, 'longer training')}: {_half_text(change, half, epochs)}."
    return StepEffect("training length", finding, sentence, EPOCHS, half, epochs, change)


def noise_effect(cells: Sequence[Cell], best: Cell) -> StepEffect | None:
    """Judge noise by the loss at its highest level against its lowest; None with one level."""
    path, line = _factor_line(cells, best, "noise")
    if len(line) < 2:
        return None
    least, most = line[0], line[-1]
    change = relative_change(most, least, best_validation)
    low, high = least.params[path], most.params[path]
    finding: EffectFinding = "not resolved"
    verdict = "What noise costs is not resolved"
    if change is not None and change.resolved:
        costs = change.mean > NOTICEABLE_FALL
        finding = "limits" if costs else "does not limit"
        verdict = "Noise costs" if costs else "Noise costs little"
    sentence = f"{verdict}: {step_text(path, low, high, change)}."
    test = relative_change(most, least, test_at_best)
    return StepEffect("noise", finding, sentence, path, low, high, change, test)


def not_assessable(factor: Factor, reason: str) -> StepEffect:
    """Return the effect of a factor that cannot be judged."""
    sentence = f"{factor.capitalize()} is not assessable: {reason}."
    return StepEffect(factor, "not assessable", sentence)


def _factor_line(cells: Sequence[Cell], best: Cell, factor: Factor) -> tuple[str, CellLine]:
    """Return the longest line through the best cell along a hyperparameter of a factor."""
    by_path = {path: _line_through(cells, best, path) for path in AXES[factor]}
    path = max(by_path, key=lambda path: len(by_path[path]))
    own = next((name for name in best.params if name == path), path)  # with a person's own name
    return own, by_path[path]


def _line_through(cells: Sequence[Cell], best: Cell, path: str) -> CellLine:
    if path not in best.params:
        return [best]
    own = params_key(best.params, without=(path,))
    same = [cell for cell in cells if params_key(cell.params, without=(path,)) == own]
    return sorted(same, key=lambda cell: as_number(cell.params[path]))


def half_of_training(cell: Cell) -> int | None:
    """Return the epoch half-way through a cell's training at which the lowest losses are known."""
    epochs = min(run.epochs for run in cell.runs)
    known = set.intersection(*(set(run.reached) for run in cell.runs))
    half = max((e for e in known if e <= epochs / 2), default=0)
    return half if epochs >= MIN_EPOCHS and half else None


def second_half_change(cell: Cell) -> Interval | None:
    """Return the change of the lowest validation loss by the second half of a cell's epochs."""
    half = half_of_training(cell)
    if half is None:
        return None
    return paired(cell.by_seed(best_validation), cell.by_seed(lambda run: run.reached[half]))


def _half_text(change: Interval | None, half: int, epochs: int) -> str:
    if change is None:
        return f"the second half of the {epochs:,} epochs has no finite loss"
    if change.mean == 0:
        seeds = "with one seed" if change.count == 1 else f"on all {change.count} seeds"
        return f"the lowest validation loss came within {half:,} of {epochs:,} epochs, {seeds}"
    return f"the second half of the {epochs:,} epochs {change_text(change)}"


def _judge(change: Interval | None, doublings: float) -> EffectFinding:
    """Return whether more of something lowers the loss, given the change by some doublings."""
    if change is None or change.low is None or change.high is None:
        return "not resolved"
    enough = -NOTICEABLE_FALL * doublings
    if change.high < 0 and change.mean <= enough:
        return "limits"
    if change.low > enough:
        return "does not limit"
    return "not resolved"


def _verdict(finding: EffectFinding, more: str) -> str:
    if finding == "not resolved":
        return f"Whether {more} helps is not resolved"
    return f"{more.capitalize()} {'helps' if finding == 'limits' else 'brings little or nothing'}"


def step_text(path: str, before: ParamValue, after: ParamValue, change: Interval | None) -> str:
    """Write a step and its effect: "the step from 50 to 100 training samples changes ..."."""
    if path == N_TRAIN:
        text = f"the step from {before:,} to {after:,} training samples"
    else:
        text = f"the step from {shown_name(path)} {before:,} to {after:,}"
    return f"{text} shares no seed" if change is None else f"{text} {change_text(change)}"


def change_text(change: Interval) -> str:
    """Write a relative change of the validation loss with its interval."""
    bounds = [x for x in (change.low, change.high) if x is not None]
    if bounds and max(map(abs, bounds)) < NEGLIGIBLE_CHANGE:
        return f"moves validation loss by less than {NEGLIGIBLE_CHANGE:.1%} either way"
    text = f"changes validation loss by {relative(change.mean)}"
    if not bounds:
        return f"{text} (one seed: no interval)"
    return f"{text} ({' to '.join(map(relative, bounds))})"

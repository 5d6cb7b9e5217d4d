"""Effects: what one measured step along an axis does to the validation loss, paired by seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2
from typing import Any, Literal

from backend.analysis.cells import CAPACITY, N_TRAIN, Cell, best_validation, key, test_at_best
from backend.analysis.intervals import Interval, paired
from backend.analysis.peaks import change as difference
from backend.diagnosis.number_format import relative

Factor = Literal["data", "capacity", "training length", "regularisation", "noise"]
EffectFinding = Literal["limits", "does not limit", "not resolved", "not assessable"]

KNOBS: dict[Factor, Sequence[str]] = {
    "data": (N_TRAIN,),
    "capacity": CAPACITY,
    "regularisation": (
        "training.weight_decay",
        "training.l1_penalty",
        "model.dropout",
        "training.label_smoothing",
    ),
    "noise": ("dataset.label_noise", "dataset.target_noise", "dataset.input_noise"),
}
NOTICEABLE_FALL = 0.03  # a smaller fall of the loss, for a doubling, is none
MIN_EPOCHS = 4
NEGLIGIBLE = 0.005  # relative: written as no change


@dataclass(frozen=True)
class StepEffect:
    """What one step along a knob, from `before` to `after`, does to the validation loss.

    `change` is relative and paired by seed: -0.1 is "a tenth lower". `test` is the same of the test
    loss at the best epoch. Without a step that was measured, only factor, finding and sentence.
    """

    factor: Factor
    finding: EffectFinding
    sentence: str
    knob: str | None = None
    before: Any = None
    after: Any = None
    change: Interval | None = None
    test: Interval | None = None


def factor_line(cells: Sequence[Cell], best: Cell, factor: Factor) -> tuple[str, list[Cell]]:
    """Return the factor's knob along which most cells differ from the best in nothing else."""
    found = {knob: _along(cells, best, knob) for knob in KNOBS[factor]}
    knob = max(found, key=lambda one: len(found[one]))
    return knob, found[knob]


def _along(cells: Sequence[Cell], best: Cell, knob: str) -> list[Cell]:
    if knob not in best.params:
        return [best]
    own = key(best.params, without=(knob,))
    same = [cell for cell in cells if key(cell.params, without=(knob,)) == own]
    return sorted(same, key=lambda cell: cell.params[knob])


def step_effect(cells: Sequence[Cell], best: Cell, factor: Factor) -> StepEffect:
    """Judge more of a factor: by the step beyond the best cell or, at the edge, by the last one."""
    knob, found = factor_line(cells, best, factor)
    if len(found) < 2:
        return not_assessable(factor, ONE_VALUE)
    place = min(found.index(best), len(found) - 2)
    less, more = found[place], found[place + 1]
    change = difference(more, less, best_validation)
    low, high = less.params[knob], more.params[knob]
    doublings = max(1.0, log2(high / low)) if low else 1.0
    finding = _judge(change, doublings)
    sentence = f"{_said(finding, _MORE[factor])}: {amount(knob, low, high, change)}."
    return StepEffect(
        factor, finding, sentence, knob, low, high, change, difference(more, less, test_at_best)
    )


def training_effect(best: Cell) -> StepEffect:
    """Judge more training by what the second half of the best cell's epochs brought."""
    epochs = min(run.epochs for run in best.runs)
    half = half_of_training(best)
    if half is None:
        return not_assessable("training length", "the runs are too short")
    change = paired(best.by_seed(best_validation), best.by_seed(lambda run: run.reached[half]))
    finding = _judge(change, log2(epochs / half))
    told = f"{_said(finding, 'longer training')}: {_half_in_words(change, half, epochs)}."
    return StepEffect("training length", finding, told, "training.epochs", half, epochs, change)


def half_of_training(cell: Cell) -> int | None:
    """Return the epoch half-way through a cell's training at which the losses reached are known."""
    epochs = min(run.epochs for run in cell.runs)
    known = set.intersection(*(set(run.reached) for run in cell.runs))
    half = max((e for e in known if e <= epochs / 2), default=0)
    return half if epochs >= MIN_EPOCHS and half else None


def _half_in_words(change: Interval | None, half: int, epochs: int) -> str:
    if change is None:
        return f"the second half of the {epochs:,} epochs has no finite loss"
    if change.mean == 0:
        seeds = "with one seed" if change.count == 1 else f"on all {change.count} seeds"
        return f"the lowest validation loss came within {half:,} of {epochs:,} epochs, {seeds}"
    return f"the second half of the {epochs:,} epochs {moved(change)}"


def noise_effect(cells: Sequence[Cell], best: Cell) -> StepEffect | None:
    """Judge noise by what the most of it costs, against the least; None where it has one value."""
    knob, found = factor_line(cells, best, "noise")
    if len(found) < 2:
        return None
    least, most = found[0], found[-1]
    change = difference(most, least, best_validation)
    low, high = least.params[knob], most.params[knob]
    resolved = change is not None and change.resolved
    worse = change is not None and change.mean > NOTICEABLE_FALL
    finding: EffectFinding = (
        "not resolved" if not resolved else "limits" if worse else "does not limit"
    )
    told = {"limits": "Noise costs", "does not limit": "Noise costs little"}
    start = told.get(finding, "What noise costs is not resolved")
    sentence = f"{start}: {amount(knob, low, high, change)}."
    return StepEffect(
        "noise", finding, sentence, knob, low, high, change, difference(most, least, test_at_best)
    )


def not_assessable(factor: Factor, why: str) -> StepEffect:
    """Return the effect of a factor of which nothing can be said."""
    return StepEffect(factor, "not assessable", f"{factor.capitalize()} is not assessable: {why}.")


def _judge(change: Interval | None, doublings: float) -> EffectFinding:
    """Say whether more of something lowers the loss, by what so many doublings of it changed."""
    if change is None or change.low is None or change.high is None:
        return "not resolved"
    enough = -NOTICEABLE_FALL * doublings
    if change.high < 0 and change.mean <= enough:
        return "limits"
    if change.low > enough:
        return "does not limit"
    return "not resolved"


ONE_VALUE = "only one value of it was measured beside the best model"
_MORE: dict[Factor, str] = {
    "data": "more data",
    "capacity": "more capacity",
    "regularisation": "more regularisation",
}


def _said(finding: EffectFinding, more: str) -> str:
    if finding == "not resolved":
        return f"Whether {more} helps is not resolved"
    return f"{more.capitalize()} {'helps' if finding == 'limits' else 'brings little or nothing'}"


def amount(knob: str, before: Any, after: Any, change: Interval | None) -> str:
    """Write a step and what it changes: "the step from 50 to 100 training samples ..."."""
    if knob == N_TRAIN:
        text = f"the step from {before:,} to {after:,} training samples"
    else:
        text = f"the step from {knob.split('.')[-1].replace('_', ' ')} {before:,} to {after:,}"
    return f"{text} shares no seed" if change is None else f"{text} {moved(change)}"


def moved(change: Interval) -> str:
    """Write a relative change of the validation loss with its interval."""
    bounds = [x for x in (change.low, change.high) if x is not None]
    if bounds and max(map(abs, bounds)) < NEGLIGIBLE:
        return f"moves validation loss by less than {NEGLIGIBLE:.1%} either way"
    text = f"changes validation loss by {relative(change.mean)}"
    if not bounds:
        return f"{text} (one seed: no interval)"
    return f"{text} ({' to '.join(map(relative, bounds))})"

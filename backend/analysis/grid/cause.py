"""Cause: what limits the best model of a grid, told from what its neighbours measured.

From the cell of the lowest validation loss one step is taken along each axis and the same seeds are
compared: one step of data, capacity, regularisation or noise, and the second half of training. What
no step was measured for is not assessable; what the seeds cannot tell from 0 is not resolved.
Validation decides; the test loss stands beside.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2
from typing import Any, Literal

from backend.analysis.grid.cells import (
    CAPACITY,
    N_TRAIN,
    Cell,
    best_validation,
    key,
    test_at_best,
)
from backend.analysis.grid.intervals import Interval, paired
from backend.analysis.grid.shape import change as difference
from backend.analysis.number import number

Factor = Literal["data", "capacity", "training length", "regularisation", "noise"]
Finding = Literal["limits", "does not limit", "not resolved", "not assessable"]

KNOBS: dict[Factor, Sequence[str]] = {
    "data": (N_TRAIN,),
    "capacity": CAPACITY,
    "regularisation": ("training.weight_decay", "model.dropout", "training.label_smoothing"),
    "noise": ("dataset.label_noise", "dataset.target_noise", "dataset.input_noise"),
}
NOTICEABLE = 0.03  # a smaller fall of the loss, for a doubling, is none
MIN_EPOCHS = 4


@dataclass(frozen=True)
class Effect:
    """What one step along a knob, from `before` to `after`, does to the validation loss.

    `change` is relative and paired by seed: -0.1 is "a tenth lower". `test` is the same of the test
    loss at the best epoch. Without a step that was measured, only factor, finding and sentence.
    """

    factor: Factor
    finding: Finding
    sentence: str
    knob: str | None = None
    before: Any = None
    after: Any = None
    change: Interval | None = None
    test: Interval | None = None


@dataclass(frozen=True)
class Cause:
    """The effects of all factors on the best cell, and the sentence that sums them up."""

    params: dict[str, Any]
    parameters: int
    validation: Interval
    test: Interval | None
    effects: Sequence[Effect]
    limiting: Factor | None
    sentence: str


def cause(found: Sequence[Cell]) -> Cause | None:
    """Say what limits the best cell of a grid; None without a cell that measured anything."""
    measured = [(cell, loss) for cell in found if (loss := cell.over_seeds(best_validation))]
    if not measured:
        return None
    best, validation = min(measured, key=lambda one: one[1].mean)
    cells = [cell for cell, _ in measured]
    effects = [
        _step(cells, best, "data"),
        _step(cells, best, "capacity"),
        _training(best),
        _step(cells, best, "regularisation"),
        _noise(cells, best),
    ]
    limiting = _limiting(effects)
    return Cause(
        dict(best.params), best.parameters, validation, best.over_seeds(test_at_best), effects,
        limiting, _sentence(best, validation, effects, limiting),
    )  # fmt: skip


def _line(cells: Sequence[Cell], best: Cell, factor: Factor) -> tuple[str, list[Cell]]:
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


def _step(cells: Sequence[Cell], best: Cell, factor: Factor) -> Effect:
    """Judge more of a factor: by the step beyond the best cell or, at the edge, by the last one."""
    knob, line = _line(cells, best, factor)
    if len(line) < 2:
        return _not_assessable(factor, _ONE_VALUE)
    place = min(line.index(best), len(line) - 2)
    less, more = line[place], line[place + 1]
    change = difference(more, less, best_validation)
    low, high = less.params[knob], more.params[knob]
    doublings = max(1.0, log2(high / low)) if low else 1.0
    finding = _judge(change, doublings)
    sentence = f"{_WOULD[finding].format(_MORE[factor])}: {_amount(knob, low, high, change)}."
    return Effect(
        factor, finding, sentence, knob, low, high, change, difference(more, less, test_at_best)
    )


def _training(best: Cell) -> Effect:
    """Judge more training by what the second half of the best cell's epochs brought."""
    epochs = min(run.epochs for run in best.runs)
    known = set.intersection(*(set(run.reached) for run in best.runs))
    half = max((e for e in known if e <= epochs / 2), default=0)
    if epochs < MIN_EPOCHS or not half:
        return _not_assessable("training length", "the runs are too short")
    change = paired(best.by_seed(best_validation), best.by_seed(lambda run: run.reached[half]))
    finding = _judge(change, log2(epochs / half))
    amount = _amount("training.epochs", half, epochs, change)
    sentence = f"{_WOULD[finding].format('longer training')}: {amount}."
    return Effect("training length", finding, sentence, "training.epochs", half, epochs, change)


def _noise(cells: Sequence[Cell], best: Cell) -> Effect:
    """Judge noise by what the most of it costs, against the least."""
    knob, line = _line(cells, best, "noise")
    if len(line) < 2:
        return _not_assessable("noise", _ONE_VALUE)
    least, most = line[0], line[-1]
    change = difference(most, least, best_validation)
    low, high = least.params[knob], most.params[knob]
    resolved = change is not None and change.resolved
    worse = change is not None and change.mean > NOTICEABLE
    finding: Finding = "not resolved" if not resolved else "limits" if worse else "does not limit"
    told = {"limits": "Noise costs", "does not limit": "Noise costs little"}
    start = told.get(finding, "What noise costs is not resolved")
    sentence = f"{start}: {_amount(knob, low, high, change)}."
    return Effect(
        "noise", finding, sentence, knob, low, high, change, difference(most, least, test_at_best)
    )


def _judge(change: Interval | None, doublings: float) -> Finding:
    """Say whether more of something lowers the loss, by what so many doublings of it changed."""
    if change is None or change.low is None or change.high is None:
        return "not resolved"
    enough = -NOTICEABLE * doublings
    if change.high < 0 and change.mean <= enough:
        return "limits"
    if change.low > enough:
        return "does not limit"
    return "not resolved"


_ONE_VALUE = "only one value of it was measured beside the best model"
_MORE: dict[Factor, str] = {
    "data": "more data",
    "capacity": "more capacity",
    "regularisation": "more regularisation",
}
_WOULD: dict[Finding, str] = {
    "limits": "It pays to have {}",
    "does not limit": "It brings little or nothing to have {}",
    "not resolved": "Whether it pays to have {} is not resolved",
}


def _not_assessable(factor: Factor, why: str) -> Effect:
    return Effect(factor, "not assessable", f"{factor.capitalize()} is not assessable: {why}.")


def _amount(knob: str, before: Any, after: Any, change: Interval | None) -> str:
    if knob == N_TRAIN:
        text = f"from {before:,} to {after:,} training samples"
    else:
        text = f"from {knob.split('.')[-1].replace('_', ' ')} {before:,} to {after:,}"
    if change is None:
        return f"{text}, no seed is shared"
    text += f" validation loss changes by {change.mean:+.0%}"
    if change.low is None or change.high is None:
        return f"{text} (one seed: no interval)"
    return f"{text} ({change.low:+.0%} to {change.high:+.0%})"


def _limiting(effects: Sequence[Effect]) -> Factor | None:
    """Return the factor of which more lowers the loss most, None if none is known to."""
    limits = [
        (one.change.mean, one.factor)
        for one in effects
        if one.finding == "limits" and one.factor != "noise" and one.change
    ]
    return min(limits)[1] if limits else None


def _sentence(
    best: Cell, validation: Interval, effects: Sequence[Effect], limiting: Factor | None
) -> str:
    start = (
        f"The lowest validation loss, {number(validation.mean)}, is that of {best.parameters:,} "
        f"parameters on {best.n_train:,} training samples."
    )
    if limiting:
        [effect] = [one for one in effects if one.factor == limiting]
        return f"{start} {limiting.capitalize()} limits it most. {effect.sentence}"
    asked = [one for one in effects if one.factor != "noise"]
    unresolved = [one.factor for one in asked if one.finding == "not resolved"]
    if unresolved:
        return f"{start} What limits it is not resolved: {_listed(unresolved)}."
    tested = [one.factor for one in asked if one.finding == "does not limit"]
    if tested:
        return f"{start} It is limited no more by {_listed(tested)}, as far as was measured."
    return f"{start} What limits it is not assessable: no neighbour was measured."


def _listed(factors: Sequence[Factor]) -> str:
    return " and ".join(filter(None, [", ".join(factors[:-1]), factors[-1]]))

"""Floor: a loss that no cell of a grid gets under, and what is known of it.

It is known where the noise of the targets is, as the squared error of the best possible answer is
that noise's variance. Else it shows where no measured step of data, capacity and training lowers
the loss, or as the floor of a learning curve's law. The latter two hold besides noise what models
of this kind cannot learn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend.analysis.cells import N_TRAIN, Cell, best_validation, test_at_best
from backend.analysis.effects import (
    ONE_VALUE,
    Factor,
    StepEffect,
    noise_effect,
    not_assessable,
    step_effect,
    training_effect,
)
from backend.analysis.intervals import Interval
from backend.analysis.learning_curves import LearningCurve
from backend.analysis.power_law import Estimate
from backend.diagnosis.number_format import number

MOSTLY_NOISE_SHARE = 0.5  # of the lowest loss: more of it is noise than not
_STEPS = ("data", "capacity", "training length")


def noise_floor(
    best: Cell, validation: Interval, effects: Sequence[StepEffect], curves: Sequence[LearningCurve]
) -> StepEffect:
    """Judge noise by the floor under the best cell, where it was not varied itself."""
    known = best.params.get("dataset.target_noise")
    if known:
        return _known_floor(known**2, validation)
    steps = [one for one in effects if one.factor in _STEPS]
    if len(steps) == len(_STEPS) and all(one.finding == "does not limit" for one in steps):
        return StepEffect(
            "noise", "limits",
            f"No more data, capacity or training lowers {number(validation.mean)}: a floor no cell "
            "gets under, of noise or of what models of this kind cannot learn.",
        )  # fmt: skip
    for curve in curves:
        if curve.law and curve.law.doubt is None and _is_curve_of(curve, best):
            return _floor_of_law(curve.law.floor, validation)
    return not_assessable("noise", ONE_VALUE)


def _known_floor(variance: float, validation: Interval) -> StepEffect:
    share = variance / validation.mean if validation.mean > 0 else 1.0
    size = (
        f"{share:.0%} of the lowest measured" if share < 1 else "no less than the lowest measured"
    )
    text = (
        f"the noise of the targets alone is a loss of {number(variance)}, {size}; no model gets "
        "under it but by chance."
    )
    if share >= MOSTLY_NOISE_SHARE:
        return StepEffect("noise", "limits", f"Noise limits: {text}")
    return StepEffect("noise", "does not limit", f"Noise is not what limits: {text}")


def _floor_of_law(level: Estimate, validation: Interval) -> StepEffect:
    low, value, high = (number(x or 0.0) for x in (level.low, level.value, level.high))
    return StepEffect(
        "noise", "not resolved",
        f"Whether noise limits is not resolved: the learning curve's law levels off at {value} "
        f"({low} to {high}), beside a lowest loss of {number(validation.mean)}; such a floor is "
        "noise or what models of this kind cannot learn.",
    )  # fmt: skip


def _is_curve_of(curve: LearningCurve, best: Cell) -> bool:
    own = {path: value for path, value in curve.setting.items() if path != N_TRAIN}
    return own.items() <= best.params.items()


@dataclass(frozen=True)
class Cause:
    """The effects of all factors on the best cell, and the sentence that sums them up."""

    params: dict[str, Any]
    parameters: int
    validation: Interval
    test: Interval | None
    effects: Sequence[StepEffect]
    limiting: Factor | None
    sentence: str


def cause(found: Sequence[Cell], curves: Sequence[LearningCurve] = ()) -> Cause | None:
    """Say what limits the best cell of a grid; None without a cell that measured anything.

    `curves` are the grid's learning curves, whose floor speaks of noise.
    """
    measured = [(cell, loss) for cell in found if (loss := cell.over_seeds(best_validation))]
    if not measured:
        return None
    best, validation = min(measured, key=lambda one: one[1].mean)
    cells = [cell for cell, _ in measured]
    effects = [
        step_effect(cells, best, "data"),
        step_effect(cells, best, "capacity"),
        training_effect(best),
        step_effect(cells, best, "regularisation"),
    ]
    effects.append(noise_effect(cells, best) or noise_floor(best, validation, effects, curves))
    limiting = _limiting(effects)
    return Cause(
        dict(best.params), best.parameters, validation, best.over_seeds(test_at_best), effects,
        limiting, _sentence(best, validation, effects, limiting),
    )  # fmt: skip


def _limiting(effects: Sequence[StepEffect]) -> Factor | None:
    """Return the factor of which more lowers the loss most, else noise if it is most of it."""
    limits = [
        (one.change.mean, one.factor)
        for one in effects
        if one.finding == "limits" and one.factor != "noise" and one.change
    ]
    if limits:
        return min(limits)[1]
    [noise] = [one for one in effects if one.factor == "noise"]
    return "noise" if noise.finding == "limits" and noise.change is None else None


def _sentence(
    best: Cell, validation: Interval, effects: Sequence[StepEffect], limiting: Factor | None
) -> str:
    start = (
        f"The lowest validation loss, {number(validation.mean)}, is that of {best.parameters:,} "
        f"parameters on {best.n_train:,} training samples."
    )
    if limiting:
        [effect] = [one for one in effects if one.factor == limiting]
        most = f" {limiting.capitalize()} limits it most." if limiting != "noise" else ""
        return f"{start}{most} {effect.sentence}"
    asked = [one for one in effects if one.factor != "noise"]
    unresolved = [one.factor for one in asked if one.finding == "not resolved"]
    if unresolved:
        seeds = "One seed does" if validation.count == 1 else f"{validation.count} seeds do"
        return f"{start} {seeds} not tell whether {_listed(unresolved, 'or')} limits it."
    tested = [one.factor for one in asked if one.finding == "does not limit"]
    if tested:
        return f"{start} Nothing measured limits it: not {_listed(tested, 'or')}."
    return f"{start} What limits it is not assessable: no neighbour was measured."


def _listed(factors: Sequence[Factor], last: str) -> str:
    return f" {last} ".join(filter(None, [", ".join(factors[:-1]), factors[-1]]))

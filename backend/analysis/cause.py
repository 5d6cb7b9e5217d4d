"""The cause that limits the best model of a grid, from measurements of its neighbours.

From the cell of the lowest validation loss, one step is taken along each axis and the same seeds
are compared: one step of data, capacity, regularisation or noise, and the second half of training.
A factor without a measured step is not assessable. A change that the seeds do not tell from 0 is
not resolved. Validation decides; test losses are only reported.

Noise that does not vary is judged by a floor, a loss that no cell gets below. The floor is known if
the noise of the targets is: the squared error of the best possible answer is the variance of that
noise. Otherwise it shows where no step of data, capacity and training lowers the loss, or as the
floor of a learning curve's law. These two floors also contain what such models cannot learn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.analysis.cells import N_TRAIN, TARGET_NOISE
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
from backend.analysis.measured_cells import Cell, best_validation, test_at_best
from backend.analysis.power_law import LawEstimate
from backend.diagnosis.number_format import number
from backend.specification.hyperparameters import shown_name
from backend.specification.params import ParamValue, as_number

MAX_NAMED = 4  # params of a setting in a sentence

MOSTLY_NOISE_SHARE = 0.5  # noise over the lowest loss from which noise limits
_STEPPED: tuple[Factor, ...] = ("data", "capacity", "training length")


@dataclass(frozen=True)
class Cause:
    """The effects of all factors on the best cell, and a sentence that sums them up."""

    params: dict[str, ParamValue]
    parameters: int
    validation: Interval
    test: Interval | None
    effects: Sequence[StepEffect]
    limiting: Factor | None
    sentence: str


def cause(cells: Sequence[Cell], curves: Sequence[LearningCurve] = ()) -> Cause | None:
    """Return what limits the best cell of a grid, None if no cell has a validation loss.

    `curves` are the learning curves of the grid, whose floor bounds the noise.
    """
    losses = [(cell, loss) for cell in cells if (loss := cell.over_seeds(best_validation))]
    if not losses:
        return None
    best, validation = min(losses, key=lambda pair: pair[1].mean)
    measured = [cell for cell, _ in losses]
    effects = [
        step_effect(measured, best, "data"),
        step_effect(measured, best, "capacity"),
        training_effect(best),
        step_effect(measured, best, "regularisation"),
    ]
    effects.append(noise_effect(measured, best) or noise_floor(best, validation, effects, curves))
    limiting = _limiting(effects)
    return Cause(
        dict(best.params), best.parameters, validation, best.over_seeds(test_at_best), effects,
        limiting, _sentence(best, validation, effects, limiting),
    )  # fmt: skip


def noise_floor(
    best: Cell, validation: Interval, effects: Sequence[StepEffect], curves: Sequence[LearningCurve]
) -> StepEffect:
    """Judge noise that was not varied by the floor under the best cell."""
    known = best.params.get(TARGET_NOISE)
    if known:
        return _known_floor(as_number(known) ** 2, validation)
    steps = [effect for effect in effects if effect.factor in _STEPPED]
    if len(steps) == len(_STEPPED) and all(step.finding == "does not limit" for step in steps):
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
        f"the noise of the targets alone is a loss of {number(variance)}, {size}; a model gets "
        "below it only by chance."
    )
    if share >= MOSTLY_NOISE_SHARE:
        return StepEffect("noise", "limits", f"Noise limits: {text}")
    return StepEffect("noise", "does not limit", f"Noise is not what limits: {text}")


def _floor_of_law(floor: LawEstimate, validation: Interval) -> StepEffect:
    low, value, high = (number(x or 0.0) for x in (floor.low, floor.value, floor.high))
    return StepEffect(
        "noise", "not resolved",
        f"Whether noise limits is not resolved: the learning curve's law levels off at {value} "
        f"({low} to {high}), and the lowest loss is {number(validation.mean)}; such a floor is "
        "noise or what models of this kind cannot learn.",
    )  # fmt: skip


def _is_curve_of(curve: LearningCurve, cell: Cell) -> bool:
    setting = {path: value for path, value in curve.setting.items() if path != N_TRAIN}
    return setting.items() <= cell.params.items()


def _limiting(effects: Sequence[StepEffect]) -> Factor | None:
    """Return the factor whose step lowers the loss most, else noise if a floor shows it."""
    limits = [
        (effect.change.mean, effect.factor)
        for effect in effects
        if effect.finding == "limits" and effect.factor != "noise" and effect.change
    ]
    if limits:
        return min(limits)[1]
    [noise] = [effect for effect in effects if effect.factor == "noise"]
    return "noise" if noise.finding == "limits" and noise.change is None else None


def _sentence(
    best: Cell, validation: Interval, effects: Sequence[StepEffect], limiting: Factor | None
) -> str:
    start = f"The lowest validation loss, {number(validation.mean)}, is that of {_described(best)}."
    if limiting:
        [effect] = [effect for effect in effects if effect.factor == limiting]
        most = f" {limiting.capitalize()} limits it most." if limiting != "noise" else ""
        return f"{start}{most} {effect.sentence}"
    steps = [effect for effect in effects if effect.factor != "noise"]
    unresolved = [step.factor for step in steps if step.finding == "not resolved"]
    if unresolved:
        seeds = "One seed does" if validation.count == 1 else f"{validation.count} seeds do"
        return f"{start} {seeds} not tell whether {_or(unresolved)} limits it."
    tested = [step.factor for step in steps if step.finding == "does not limit"]
    if tested:
        return f"{start} Nothing measured limits it: not {_or(tested)}."
    return f"{start} What limits it is not assessable: no neighbour was measured."


def _described(best: Cell) -> str:
    """Name a cell by its model and its data, or by its setting if both are unknown."""
    model = f"{best.parameters:,} parameters" if best.parameters else ""
    data = f"{best.n_train:,} training samples" if best.n_train else ""
    if model or data:
        return " on ".join(filter(None, [model, data]))
    setting = [f"{shown_name(path)} {value}" for path, value in best.params.items()]
    return ", ".join(setting[:MAX_NAMED]) or "the only setting"


def _or(factors: Sequence[Factor]) -> str:
    return " or ".join(filter(None, [", ".join(factors[:-1]), factors[-1]]))

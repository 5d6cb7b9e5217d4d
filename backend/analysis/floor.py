"""Floor: a loss that no cell of a grid gets under, and what is known of it.

It is known where the noise of the targets is, as the squared error of the best possible answer is
that noise's variance. Else it shows where no measured step of data, capacity and training lowers
the loss, or as the floor of a learning curve's law. The latter two hold besides noise what models
of this kind cannot learn.
"""

from collections.abc import Sequence

from backend.analysis.cells import N_TRAIN, Cell
from backend.analysis.effects import ONE_VALUE, Effect, not_assessable
from backend.analysis.intervals import Interval
from backend.analysis.learning_curves import LearningCurve
from backend.analysis.power_law import Estimate
from backend.diagnosis.number import number

MOST = 0.5  # of the lowest loss: more of it is noise than not
_STEPS = ("data", "capacity", "training length")


def floor(
    best: Cell, validation: Interval, effects: Sequence[Effect], curves: Sequence[LearningCurve]
) -> Effect:
    """Judge noise by the floor under the best cell, where it was not varied itself."""
    known = best.params.get("dataset.target_noise")
    if known:
        return _known(known**2, validation)
    steps = [one for one in effects if one.factor in _STEPS]
    if len(steps) == len(_STEPS) and all(one.finding == "does not limit" for one in steps):
        return Effect(
            "noise", "limits",
            f"No more data, capacity or training lowers {number(validation.mean)}: a floor no cell "
            "gets under, of noise or of what models of this kind cannot learn.",
        )  # fmt: skip
    for curve in curves:
        if curve.law and curve.law.doubt is None and _is_of(curve, best):
            return _of_law(curve.law.floor, validation)
    return not_assessable("noise", ONE_VALUE)


def _known(variance: float, validation: Interval) -> Effect:
    share = variance / validation.mean if validation.mean > 0 else 1.0
    size = (
        f"{share:.0%} of the lowest measured" if share < 1 else "no less than the lowest measured"
    )
    text = (
        f"the noise of the targets alone is a loss of {number(variance)}, {size}; no model gets "
        "under it but by chance."
    )
    if share >= MOST:
        return Effect("noise", "limits", f"Noise limits: {text}")
    return Effect("noise", "does not limit", f"Noise is not what limits: {text}")


def _of_law(level: Estimate, validation: Interval) -> Effect:
    low, value, high = (number(x or 0.0) for x in (level.low, level.value, level.high))
    return Effect(
        "noise", "not resolved",
        f"Whether noise limits is not resolved: the learning curve's law levels off at {value} "
        f"({low} to {high}), beside a lowest loss of {number(validation.mean)}; such a floor is "
        "noise or what models of this kind cannot learn.",
    )  # fmt: skip


def _is_of(curve: LearningCurve, best: Cell) -> bool:
    own = {path: value for path, value in curve.setting.items() if path != N_TRAIN}
    return own.items() <= best.params.items()

"""Rules for the verdict diverged: a loss that is not finite to the end, or explodes."""

import math

from backend.diagnosis.measurements import CurveShape
from backend.diagnosis.number_format import number
from backend.diagnosis.trends import MIN_POINTS_AFTER_BEST
from backend.diagnosis.verdicts import RuleMatch, Verdict

EXPLODED_TIMES_START = 2.0  # a train loss that ends this many times its start above it exploded
EXPLOSION_FACTOR = 1e6  # train loss over the reference at which the worker ends a run


def validation_not_finite(shape: CurveShape, before: RuleMatch) -> RuleMatch:
    """Return the verdict for a curve of which only validation loss stops being finite.

    `before` is the verdict on the curve until then; the sentence quotes it.
    """
    where = f"{shape.unit} {shape.curve.broken_at:,}"
    judged = f" Until then, {before.verdict}: {before.practitioner}"
    return RuleMatch(
        Verdict.DIVERGED, "diverged.validation-not-finite",
        f"validation loss is not a finite number from {where} on, while train loss goes on: check "
        f"the validation data and how the model is evaluated first.{judged}",
        f"From {where} on the evaluation gave no number, though training itself went on. Look for "
        "missing, empty or extreme values in the validation data.",
    )  # fmt: skip


def not_finite(shape: CurveShape) -> RuleMatch:
    """Return the verdict for a curve whose losses stop being finite."""
    where = f"{shape.unit} {shape.curve.broken_at:,}"
    return RuleMatch(
        Verdict.DIVERGED, "diverged.not-finite",
        f"a loss is not a finite number from {where} on; a smaller learning rate is the first "
        "thing to try.",
        f"Training broke down at {where}: from there on a loss is not a number that can be worked "
        "with. Smaller steps (learning rate) usually help.",
    )  # fmt: skip


def exploded(shape: CurveShape) -> RuleMatch | None:
    """Return the verdict for a train loss that ends far above its start, None for any other."""
    reason = _explosion(shape) if len(shape.curve) else None
    if reason is None:
        return None
    return RuleMatch(
        Verdict.DIVERGED, "diverged.exploded",
        f"{reason}; a smaller learning rate is the first thing to try.",
        "Instead of shrinking, the error grew and grew: the steps were too large. A smaller "
        "learning rate usually helps.",
    )  # fmt: skip


def _explosion(shape: CurveShape) -> str | None:
    """Describe how train loss exploded: above the worker's bound, or far above its own start."""
    train, reference = shape.curve.train, shape.reference_loss
    if reference is not None and (reason := divergence_reason(float(train[-1]), reference)):
        return reason
    if len(train) < MIN_POINTS_AFTER_BEST:
        return None
    first, end = float(train[0]), shape.train_levels[1]
    grew = end - first > EXPLODED_TIMES_START * max(abs(first), shape.train_fall)
    if not grew or shape.smoothed.end < shape.curve.validation[0]:
        return None
    return (
        f"train loss, smoothed, ends at about {number(end)}, far above the {number(first)} "
        "it began with"
    )


def divergence_reason(train_loss: float, constant_loss: float) -> str | None:
    """Return why a run in training has diverged, None if it has not.

    A run has diverged when its train loss is not finite, or exceeds EXPLOSION_FACTOR times the loss
    of a constant answer (`constant_loss`, at least 1). No reasonable step leads back from there.
    """
    if not math.isfinite(train_loss):
        return "train loss is not finite"
    if train_loss > EXPLOSION_FACTOR * max(constant_loss, 1.0):
        return f"train loss is {train_loss:.2g}, over a million times that of a constant answer"
    return None

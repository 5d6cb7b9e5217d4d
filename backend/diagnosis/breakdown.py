"""Training that broke down: losses that are no numbers, or explode."""

from backend.diagnosis import divergence
from backend.diagnosis.found import Found
from backend.diagnosis.number import number
from backend.diagnosis.rise import LEAST_AFTER
from backend.diagnosis.shape import Shape

EXPLODED = 2.0  # times the first train loss


def evaluation_broke(shape: Shape, before: Found) -> Found:
    """Return the verdict where only validation loss is no number any more, after `before`."""
    where = f"{shape.unit} {shape.curve.broken_at:,}"
    judged = f" Until then, {before.verdict}: {before.practitioner}"
    return Found(
        "diverged", "diverged.validation-not-finite",
        f"validation loss is not a finite number from {where} on, while train loss goes on: check "
        f"the validation data and how the model is evaluated first.{judged}",
        f"From {where} on the evaluation gave no number, though training itself went on. Look for "
        "missing, empty or extreme values in the validation data.",
    )  # fmt: skip


def not_finite(shape: Shape) -> Found:
    """Return the verdict on losses that are no finite numbers until the end."""
    where = f"{shape.unit} {shape.curve.broken_at:,}"
    return Found(
        "diverged", "diverged.not-finite",
        f"a loss is not a finite number from {where} on; a smaller learning rate is the first "
        "thing to try.",
        f"Training broke down at {where}: from there on a loss is not a number that can be worked "
        "with. Smaller steps (learning rate) usually help.",
    )  # fmt: skip


def exploded(shape: Shape) -> Found | None:
    """Return the verdict on a train loss that ends far above its start, None if none does."""
    reason = _explosion(shape) if len(shape.curve) else None
    if reason is None:
        return None
    return Found(
        "diverged", "diverged.exploded",
        f"{reason}; a smaller learning rate is the first thing to try.",
        "Instead of shrinking, the error grew and grew: the steps were too large. A smaller "
        "learning rate usually helps.",
    )  # fmt: skip


def _explosion(shape: Shape) -> str | None:
    """Say how train loss exploded: beyond the worker's bound, or for good beyond its start."""
    train, reference = shape.curve.train, shape.reference_loss
    if reference is not None and (reason := divergence.reason(float(train[-1]), reference)):
        return reason
    if len(train) < LEAST_AFTER:
        return None
    first, end = float(train[0]), shape.train_levels[1]
    grew = end - first > EXPLODED * max(abs(first), shape.train_fall)
    if not grew or shape.reading.end < shape.curve.validation[0]:
        return None
    return (
        f"train loss, smoothed, ends at about {number(end)}, far above the {number(first)} "
        "it began with"
    )

"""When training has diverged, and goes nowhere from there."""

import math

EXPLOSION = 1e6


def reason(train_loss: float, constant_loss: float) -> str | None:
    """Say why a run has diverged, None if it has not.

    It has when its train loss is not finite, or a million times what always giving the same
    answer costs (`constant_loss`, or 1 if that is less): no step of sound size leads back.
    """
    if not math.isfinite(train_loss):
        return "train loss is not finite"
    if train_loss > EXPLOSION * max(constant_loss, 1.0):
        return f"train loss is {train_loss:.2g}, over a million times that of a constant answer"
    return None

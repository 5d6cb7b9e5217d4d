"""Early-stopping criteria, fed one epoch at a time; replaying a curve gives the same epoch."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Patience:
    """Fires once `patience` epochs have passed without an improvement above `min_delta`.

    As Keras's ``EarlyStopping`` (``mode="min"``): an epoch improves when
    ``loss + min_delta < best``; a NaN never does; epochs up to `start_from_epoch` are not looked
    at. Unlike there, `patience` is at least 1.
    """

    patience: int
    min_delta: float = 0.0
    start_from_epoch: int = 0
    best: float = field(default=math.inf, init=False)
    waited: int = field(default=0, init=False)

    def update(self, epoch: int, loss: float) -> bool:
        """Take the validation loss of `epoch` (from 1); return whether the rule fires here."""
        if epoch <= self.start_from_epoch:
            return False
        if loss + self.min_delta < self.best:
            self.best, self.waited = loss, 0
            return False
        self.waited += 1
        return self.waited >= self.patience


def early_stop_step(rule: Patience, curve: Iterable[tuple[int, float]]) -> int | None:
    """Replay ``(step, validation loss)`` pairs; return the step where `rule` fires, or None."""
    return next((step for step, loss in curve if rule.update(step, loss)), None)

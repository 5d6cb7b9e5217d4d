"""What stopping early would have cost and saved, told from a run that was trained on."""

import math
from dataclasses import dataclass

from backend.analysis.curve import Series
from backend.analysis.early_stopping import Criterion, early_stop_step


@dataclass(frozen=True)
class Kept:
    """The weights of one epoch: its losses, and its validation loss above the run's lowest."""

    epoch: int
    val_loss: float | None
    test_loss: float | None
    loss_given_up: float | None


@dataclass(frozen=True)
class Outcome:
    """What a criterion would have done.

    `epoch` is where it fires, None if never. `at_stop` are the weights there (at the run's end if
    it never fires); `restored` are those of the criterion's best epoch until then, which
    ``restore_best_weights`` puts back; `best` are those of the lowest validation loss of the run.
    They are None where the run has no such epoch.
    """

    epoch: int | None
    epochs: int
    epochs_saved: int
    at_stop: Kept | None
    restored: Kept | None
    best: Kept | None


def stopping_outcome(rule: Criterion, train: Series, validation: Series, test: Series) -> Outcome:
    """Replay a fresh criterion over the losses of a run by epoch; test losses are only reported."""
    epochs = sorted(validation)
    losses = ((epoch, train.get(epoch, math.nan), validation[epoch]) for epoch in epochs)
    fired = early_stop_step(rule, losses)
    last = max(epochs, default=0)
    finite = [epoch for epoch in epochs if math.isfinite(validation[epoch])]
    best = min(finite, key=validation.__getitem__, default=None)

    def kept(epoch: int | None) -> Kept | None:
        if epoch is None:
            return None
        loss, other = _finite(validation[epoch]), _finite(test.get(epoch, math.nan))
        above = None if loss is None or best is None else loss - validation[best]
        return Kept(epoch, loss, other, above)

    return Outcome(
        fired,
        last,
        last - fired if fired else 0,
        at_stop=kept(fired or (last or None)),
        restored=kept(rule.best_epoch),
        best=kept(best),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None

"""What stopping early would have cost and saved, told from a run that was trained on."""

from collections.abc import Iterator
from dataclasses import dataclass

from backend.diagnosis.early_stopping import Criterion, early_stop_step
from backend.diagnosis.series import Column

BLOCK = 10_000  # epochs


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


def stopping_outcome(rule: Criterion, train: Column, validation: Column, test: Column) -> Outcome:
    """Replay a fresh criterion over the losses of a run by epoch; test losses are only reported."""
    fired = early_stop_step(rule, _replayed(train, validation))
    last = int(validation.steps[-1]) if len(validation) else 0
    best = validation.lowest
    lowest = None if best is None else validation.at(best)

    def kept(epoch: int | None) -> Kept | None:
        if epoch is None:
            return None
        loss = validation.at(epoch)
        above = None if loss is None or lowest is None else loss - lowest
        return Kept(epoch, loss, test.at(epoch), above)

    return Outcome(
        fired,
        last,
        last - fired if fired else 0,
        at_stop=kept(fired or (last or None)),
        restored=kept(rule.best_epoch),
        best=kept(best),
    )


def _replayed(train: Column, validation: Column) -> Iterator[tuple[int, float, float]]:
    """Yield epoch, train and validation loss, by the block: most criteria fire early."""
    losses = validation.paired(train)
    for start in range(0, len(validation), BLOCK):
        part = slice(start, start + BLOCK)
        columns = (validation.steps, losses, validation.values)
        yield from zip(*(column[part].tolist() for column in columns), strict=True)

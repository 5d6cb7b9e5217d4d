"""Early-stopping criteria, updated once per epoch, and their outcome on a finished run.

Replaying a curve gives the same epoch as training does.

Prechelt's three are from "Early Stopping - But When?" (1998), section 2.2. He writes E_va for the
validation loss v, E_tr for the train loss t and E_opt for the lowest validation loss so far.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

from backend.series import Series


class Criterion(Protocol):
    """A rule that decides when to stop."""

    @property
    def best_epoch(self) -> int | None:
        """The epoch whose weights the rule would keep."""

    def update(self, epoch: int, train: float, validation: float) -> bool:
        """Add the losses of the next epoch (from 1); return whether the rule fires here."""


@dataclass
class Patience:
    """Fires once `patience` epochs have passed without an improvement above `min_delta`.

    Equals ``EarlyStopping`` of Keras and Lightning. An epoch improves when
    ``loss + min_delta < best`` (``mode="max"``: ``loss - min_delta > best``); NaN never improves.
    Epochs up to `start_from_epoch` are ignored (Keras). With `check_finite`, a loss that is not
    finite fires at once (the default in Lightning). `best_epoch` is the last epoch that improved,
    which ``restore_best_weights`` restores. One difference: Keras 3 keeps a first loss of NaN as
    the best, so that nothing improves on it.
    """

    patience: int = 0
    min_delta: float = 0.0
    start_from_epoch: int = 0
    mode: Literal["min", "max"] = "min"
    check_finite: bool = False
    best: float = field(default=math.inf, init=False)
    best_epoch: int | None = field(default=None, init=False)
    waited: int = field(default=0, init=False)

    def update(self, epoch: int, train: float, validation: float) -> bool:  # noqa: ARG002
        """Add the validation loss of `epoch`; return whether the rule fires here."""
        if epoch <= self.start_from_epoch:
            return False
        if self.check_finite and not math.isfinite(validation):
            return True
        loss = validation if self.mode == "min" else -validation
        if loss + self.min_delta < self.best:
            self.best, self.best_epoch, self.waited = loss, epoch, 0
            return False
        self.waited += 1
        return self.waited >= self.patience


@dataclass
class GeneralisationLoss:
    """GL: fires at the first epoch with GL(e) = 100 (v(e) / min v(1..e) - 1) above `alpha`."""

    alpha: float = 5.0
    best: float = field(default=math.inf, init=False)
    best_epoch: int | None = field(default=None, init=False)

    def update(self, epoch: int, train: float, validation: float) -> bool:  # noqa: ARG002
        """Add the validation loss of `epoch`; return whether the rule fires here."""
        if validation < self.best:
            self.best, self.best_epoch = validation, epoch
        return self.value(validation) > self.alpha

    def value(self, validation: float) -> float:
        """Return GL, in percent."""
        return 100 * _excess(validation, self.best)


@dataclass
class ProgressQuotient:
    """PQ: fires at the first end of a strip of k epochs with GL(e) / P_k(e) above `alpha`.

    P_k(e) = 1000 (mean of t over the strip / min of t over the strip - 1) is the progress of
    training. If there is no progress at all, any rise of v fires.
    """

    alpha: float = 0.75
    strip: int = 5
    seen: int = field(default=0, init=False)
    rise: GeneralisationLoss = field(default_factory=GeneralisationLoss, init=False)
    recent: deque[float] = field(init=False)

    def __post_init__(self) -> None:
        self.recent = deque(maxlen=self.strip)

    @property
    def best_epoch(self) -> int | None:
        """The epoch of the lowest validation loss so far."""
        return self.rise.best_epoch

    def update(self, epoch: int, train: float, validation: float) -> bool:
        """Add the losses of `epoch`; return whether the rule fires here."""
        self.rise.update(epoch, train, validation)
        self.recent.append(train)
        self.seen += 1
        if self.seen % self.strip:
            return False
        progress = 1000 * _excess(sum(self.recent) / self.strip, min(self.recent))
        lost = self.rise.value(validation)
        return lost / progress > self.alpha if progress else lost > 0


@dataclass
class SuccessiveRises:
    """UP_s: fires when v has grown from strip end to strip end, `strips` times in succession.

    UP_1 fires at the first strip end e with v(e) > v(e - k). UP_s fires where UP_1 does and
    UP_(s-1) did at e - k.
    """

    strips: int = 3
    strip: int = 5
    seen: int = field(default=0, init=False)
    rises: int = field(default=0, init=False)
    last: float = field(default=math.nan, init=False)
    best: float = field(default=math.inf, init=False)
    best_epoch: int | None = field(default=None, init=False)

    def update(self, epoch: int, train: float, validation: float) -> bool:  # noqa: ARG002
        """Add the validation loss of `epoch`; return whether the rule fires here."""
        if validation < self.best:
            self.best, self.best_epoch = validation, epoch
        self.seen += 1
        if self.seen % self.strip:
            return False
        self.rises = self.rises + 1 if validation > self.last else 0
        self.last = validation
        return self.rises >= self.strips


CRITERIA: dict[str, Callable[..., Criterion]] = {
    "patience": Patience,
    "gl": GeneralisationLoss,
    "pq": ProgressQuotient,
    "up": SuccessiveRises,
}


def build(criterion: str, **settings: float) -> Criterion:
    """Return a new criterion by name, with its own settings."""
    return CRITERIA[criterion](**settings)


def early_stop_step(rule: Criterion, losses: Iterable[tuple[int, float, float]]) -> int | None:
    """Replay ``(epoch, train loss, validation loss)``; return the epoch where `rule` fires."""
    return next((epoch for epoch, *pair in losses if rule.update(epoch, *pair)), None)


def _excess(value: float, lowest: float) -> float:
    """Return ``value / lowest - 1``; for a minimum at or below 0, the rise over its size."""
    if lowest > 0:
        return value / lowest - 1
    if lowest < 0:
        return (value - lowest) / -lowest
    return math.inf if value > lowest else 0.0


REPLAY_BLOCK = 10_000  # epochs converted at once: most criteria fire long before the end


@dataclass(frozen=True)
class WeightsAt:
    """The weights of one epoch: its losses, and how far validation loss is above the lowest."""

    epoch: int
    val_loss: float | None
    test_loss: float | None
    loss_given_up: float | None


@dataclass(frozen=True)
class StoppingOutcome:
    """The costs and savings of a criterion, replayed on a run that was trained beyond it.

    `epoch` is where the criterion fires, None if it never does. `at_stop` are the weights there,
    or at the end of the run if it never fires. `restored` are the weights of the criterion's best
    epoch until then, which ``restore_best_weights`` puts back. `best` are the weights of the
    lowest validation loss of the run. Each is None where the run has no such epoch.
    """

    epoch: int | None
    epochs: int
    epochs_saved: int
    at_stop: WeightsAt | None
    restored: WeightsAt | None
    best: WeightsAt | None


def stopping_outcome(
    criterion: Criterion, train: Series, validation: Series, test: Series
) -> StoppingOutcome:
    """Replay a new criterion over the losses of a run by epoch; test losses are only reported."""
    fired = early_stop_step(criterion, _replayed(train, validation))
    last = int(validation.steps[-1]) if len(validation) else None
    best = validation.lowest
    lowest = None if best is None else validation.at(best)

    def weights(epoch: int | None) -> WeightsAt | None:
        if epoch is None:
            return None
        loss = validation.at(epoch)
        above = None if loss is None or lowest is None else loss - lowest
        return WeightsAt(epoch, loss, test.at(epoch), above)

    return StoppingOutcome(
        fired,
        validation.length,
        0 if fired is None or last is None else last - fired,
        at_stop=weights(last if fired is None else fired),
        restored=weights(criterion.best_epoch),
        best=weights(best),
    )


def _replayed(train: Series, validation: Series) -> Iterator[tuple[int, float, float]]:
    """Yield epoch, train and validation loss, a block at a time."""
    columns = (validation.steps, train.values_at(validation.steps), validation.values)
    for start in range(0, len(validation), REPLAY_BLOCK):
        block = slice(start, start + REPLAY_BLOCK)
        yield from zip(*(column[block].tolist() for column in columns), strict=True)

"""Early-stopping criteria, fed one epoch at a time; replaying a curve gives the same epoch.

Prechelt's three are from "Early Stopping - But When?" (1998), section 2.2. He writes E_va for the
validation loss v, E_tr for the train loss t and E_opt for the lowest validation loss so far.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, Protocol


class Criterion(Protocol):
    """A rule that says when to stop."""

    @property
    def best_epoch(self) -> int | None:
        """The epoch whose weights it would keep."""

    def update(self, epoch: int, train: float, validation: float) -> bool:
        """Take the losses of the next epoch (from 1); return whether the rule fires here."""


@dataclass
class Patience:
    """Fires once `patience` epochs have passed without an improvement above `min_delta`.

    As ``EarlyStopping`` of Keras and of Lightning: an epoch improves when
    ``loss + min_delta < best`` (``mode="max"``: ``loss - min_delta > best``), a NaN never does;
    epochs up to `start_from_epoch` are not looked at (Keras); with `check_finite` a loss that is
    not finite fires at once (Lightning, where it is the default). `best_epoch` is the last that
    improved: the one that ``restore_best_weights`` restores. One difference: Keras 3 takes a first
    loss that is NaN for the best, and then improves no more.
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
        """Take the validation loss of `epoch`; return whether the rule fires here."""
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
        """Take the validation loss of `epoch`; return whether the rule fires here."""
        if validation < self.best:
            self.best, self.best_epoch = validation, epoch
        return self.value(validation) > self.alpha

    def value(self, validation: float) -> float:
        """Return GL, in percent."""
        return 100 * _excess(validation, self.best)


@dataclass
class ProgressQuotient:
    """PQ: fires at the first end of a strip of k epochs with GL(e) / P_k(e) above `alpha`.

    P_k(e) = 1000 (mean of t over the strip / min of t over the strip - 1): how much training still
    moves. Where it does not move at all, any rise of v fires.
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
        """Take the losses of `epoch`; return whether the rule fires here."""
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

    UP_1 fires at the first strip end e with v(e) > v(e - k), UP_s where it does and UP_(s-1) did
    at e - k.
    """

    strips: int = 3
    strip: int = 5
    seen: int = field(default=0, init=False)
    rises: int = field(default=0, init=False)
    last: float = field(default=math.nan, init=False)
    best: float = field(default=math.inf, init=False)
    best_epoch: int | None = field(default=None, init=False)

    def update(self, epoch: int, train: float, validation: float) -> bool:  # noqa: ARG002
        """Take the validation loss of `epoch`; return whether the rule fires here."""
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
    """Return a fresh criterion by name, with its own settings."""
    return CRITERIA[criterion](**settings)


def early_stop_step(rule: Criterion, losses: Iterable[tuple[int, float, float]]) -> int | None:
    """Replay ``(epoch, train loss, validation loss)``; return the epoch where `rule` fires."""
    return next((epoch for epoch, *pair in losses if rule.update(epoch, *pair)), None)


def _excess(value: float, lowest: float) -> float:
    """Return ``value / lowest - 1``; for a minimum at or below 0, the rise in units of its size."""
    if lowest > 0:
        return value / lowest - 1
    if lowest < 0:
        return (value - lowest) / -lowest
    return math.inf if value > lowest else 0.0

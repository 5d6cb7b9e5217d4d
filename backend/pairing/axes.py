"""The common axis of train and validation loss: epochs, steps or the time of logging."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Literal

import numpy as np

from backend.diagnosis.curve import mean_since_previous
from backend.pairing.logged_points import LoggedPoints, by_step, by_time
from backend.series import FloatArray, IntArray, Series

AxisName = Literal["epoch", "step", "time"]

WHOLE = 0.05  # a logged epoch this close to a whole number is one: transformers logs 2.97 for 3
OTHER_COUNTER = 2  # steps that differ by this factor at the same time count different things
EVALUATION = "evaluation"
"""The word for a step if there are only times: validation points are numbered from 1."""


@dataclass(frozen=True)
class OnAxis:
    """Losses on a common axis; `unit` is the word for a step, `reason` the end of a sentence.

    `logged` are the points [n] of validation, as many as the axis has.
    """

    train: Series
    validation: Series
    unit: str
    reason: str
    logged: LoggedPoints

    @property
    def best_logged_at(self) -> int | None:
        """The client's own step of the lowest validation loss, None without finite values."""
        best = self.validation.lowest
        if best is None:
            return None
        return int(self.logged.steps[int(self.validation.steps.searchsorted(best))])

    def placed(self, points: LoggedPoints) -> Series:
        """Return other points of validation, such as its accuracy, on the axis."""
        if self.unit == EVALUATION:
            ordered = by_time(points)
            amount = min(len(ordered), len(self.validation))
            return Series(self.validation.steps[:amount], ordered.values[:amount])
        values = by_step(points).series.values_at(self.logged.steps)
        known = np.flatnonzero(~np.isnan(values))
        return Series(self.validation.steps[known], values[known])


def on_epochs(
    train: LoggedPoints, validation: LoggedPoints, epochs: LoggedPoints | None
) -> OnAxis | None:
    """Place losses on the epochs that were logged at their steps.

    Return None unless each validation point has a whole epoch of its own. Steps ascend.
    """
    if epochs is None or not len(epochs):
        return None
    counted = by_step(epochs)
    at = counted.steps.searchsorted(validation.steps, side="right") - 1
    values = counted.values[np.maximum(at, 0)]
    places = np.rint(values)
    known = (at >= 0).all() and np.isfinite(values).all()
    if not known or (np.abs(values - places) > WHOLE).any() or (np.diff(places) <= 0).any():
        return None
    reason = "each validation loss has the epoch that was logged with it"
    return _placed(
        train, validation, places.astype(np.int64), train.steps, validation.steps, "epoch", reason
    )


def on_steps(train: LoggedPoints, validation: LoggedPoints, names: Container[str]) -> OnAxis:
    """Place losses on the steps that were logged. `names` are those of metrics, params and tags.

    Steps ascend.
    """
    if np.array_equal(train.steps, validation.steps):
        reason = "both are logged at the same steps"
    elif np.isin(validation.steps, train.steps).all() and len(train) < 2 * len(validation):
        reason = "both are logged at common steps"
    else:
        reason = "validation loss is paired with the mean train loss since the validation before it"
    unit = step_unit(validation.steps, names)
    return OnAxis(train.series, validation.series, unit, reason, validation)


def step_unit(steps: IntArray, names: Container[str]) -> str:
    """Return the word for a step of validation: round of a booster, epoch or step.

    Steps that ascend by 1 from 0 or 1 are taken for epochs.
    """
    if any(name in names for name in ("best_iteration", "stopped_iteration", "num_boost_round")):
        return "round"
    counted = len(steps) > 1 and steps[0] in (0, 1) and bool((np.diff(steps) == 1).all())
    return "epoch" if counted else "step"


def on_time(train: LoggedPoints, validation: LoggedPoints, *, why: str) -> OnAxis | None:
    """Pair losses by the time of logging, None if all validation points have the same time.

    Validation points keep their steps if these ascend in time; else they are numbered from 1.
    """
    train, validation = by_time(train), by_time(validation)
    if not len(train) or len(validation) < 2:
        return None
    if validation.timestamps[0] == validation.timestamps[-1]:
        return None
    ascend = bool((np.diff(validation.steps) > 0).all())
    places = validation.steps if ascend else np.arange(1, len(validation) + 1)
    unit = step_unit(validation.steps, ()) if ascend else EVALUATION
    reason = f"{why}, so they are paired by the time of logging"
    return _placed(train, validation, places, train.timestamps, validation.timestamps, unit, reason)


def counts_differ(train: LoggedPoints, validation: LoggedPoints) -> bool:
    """Return whether the steps of train and validation count different things.

    A loop that logs train loss over batches and validation loss over epochs has 500 next to 5.
    """
    if len(train) < 2 or len(validation) < 2:
        return False
    train, validation = by_time(train), by_time(validation)
    latest = train.timestamps.searchsorted(validation.timestamps, side="right") - 1
    if (latest < 0).any() or len(np.unique(latest)) < len(latest):
        return False  # not logged in turns, so times do not tell
    reached, counted = int(train.steps[latest[-1]]), int(validation.steps[-1])
    return max(reached, counted) >= OTHER_COUNTER * max(1, min(reached, counted) + 1)


def _placed(
    train: LoggedPoints,
    validation: LoggedPoints,
    places: IntArray,
    train_at: IntArray,
    validation_at: IntArray,
    unit: str,
    reason: str,
) -> OnAxis:
    """Average train loss between validation points, and give both the places of validation.

    Positions `train_at` [m] and `validation_at` [n] are ascending steps or times.
    """
    means = mean_since_previous(validation_at, train_at, train.values)
    broken = train.values[train_at > validation_at[-1]]
    steps: IntArray = places
    values: FloatArray = means
    if len(broken) and not np.isfinite(broken[-1]):  # training diverged after the last validation
        steps, values = np.append(places, places[-1] + 1), np.append(means, broken[-1])
    on_places = Series(places, validation.values)
    return OnAxis(Series(steps, values), on_places, unit, reason, validation)

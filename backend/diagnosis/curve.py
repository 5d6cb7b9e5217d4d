"""A run's train and validation loss over its steps, paired."""

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backend.diagnosis.number_format import axis_value
from backend.series import Array, FloatArray, Series

LARGEST_LOSS = 1e100  # a larger loss counts as infinite: the sums of a diagnosis would overflow


@dataclass(frozen=True)
class Curve:
    """Train and validation loss [n] at the steps [n] of validation, ascending, all finite.

    Where train loss was recorded at other steps, its value is the mean since the previous
    validation step, or interpolated between the nearest. `broken_at` is the step from which a loss
    is not finite until the end; it is None if both losses end in finite numbers, if they are
    recorded at some steps only, or if validation loss was never finite. `dropped` counts the pairs
    left out because a loss is not finite. `train_goes_on` is True if only validation broke and
    train loss is finite to the end. `unit` is the word for a step.
    """

    steps: Array
    train: FloatArray
    validation: FloatArray
    broken_at: float | None = None
    dropped: int = 0
    unit: str = "epoch"
    train_goes_on: bool = False

    @classmethod
    def from_series(cls, train: Series, validation: Series, *, unit: str = "epoch") -> Self:
        """Pair two series by step; `unit` is the word for a step."""
        if np.array_equal(train.steps, validation.steps):
            return cls.from_arrays(train.steps, train.values, validation.values, unit=unit)
        if not len(train) or not len(validation):
            return cls.from_arrays([], [], [], unit=unit)
        losses = mean_since_previous(validation.steps, train.steps, train.values)
        curve = cls.from_arrays(validation.steps, losses, validation.values, unit=unit)
        last = float(train.steps[-1])
        if math.isfinite(train.values[-1]) or last < validation.steps[-1]:
            return curve
        broken_at = axis_value(last) if curve.broken_at is None else curve.broken_at
        return replace(curve, broken_at=broken_at, train_goes_on=False)

    @classmethod
    def from_arrays(
        cls, steps: ArrayLike, train: ArrayLike, validation: ArrayLike, *, unit: str = "epoch"
    ) -> Self:
        """Make a curve of paired losses [n] at ascending steps [n].

        A validation loss of NaN was not evaluated. A train loss that is missing between finite ones
        is interpolated.
        """
        x = np.asarray(steps)
        t, v = np.asarray(train, np.float64), np.asarray(validation, np.float64)
        train_finite, validation_finite = np.abs(t) <= LARGEST_LOSS, np.abs(v) <= LARGEST_LOSS
        if (train_finite & validation_finite).all():
            return cls(x, t, v, unit=unit)
        breaks = [_breaks_at(t, train_finite)]
        if validation_finite.any():  # otherwise it is missing, it did not break
            breaks.append(_breaks_at(v, validation_finite))
        broken_steps = [axis_value(x[index]) for index in breaks if index is not None]
        goes_on = bool(broken_steps) and breaks[0] is None
        if train_finite.any() and breaks[0] is None:
            t = np.interp(x, x[train_finite], t[train_finite])
            train_finite = np.ones_like(train_finite)
        both = train_finite & validation_finite
        dropped = int((~both).sum())
        seldom = dropped > len(x) // 2  # evaluated at every few epochs: nothing is missing
        broken_at = min(broken_steps, default=None)
        return cls(x[both], t[both], v[both], broken_at, 0 if seldom else dropped, unit, goes_on)

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def best(self) -> int:
        """Index of the lowest validation loss, the first of equals."""
        return int(np.argmin(self.validation))


def _breaks_at(values: FloatArray, finite: NDArray[np.bool_]) -> int | None:
    """Return the index from which no value is finite, None if the last value is.

    NaN at the end is a gap in the record if there was an earlier gap that was at least as long:
    then the loss is recorded at some of the steps only.
    """
    if finite[-1]:
        return None
    if not finite.any():
        return 0
    known = np.flatnonzero(finite)
    last = int(known[-1])
    longest_gap = int(np.diff(known, prepend=-1).max()) - 1
    if np.isnan(values[last + 1 :]).all() and len(values) - 1 - last <= longest_gap:
        return None
    return last + 1


def mean_since_previous(steps: Array, train_steps: Array, train: ArrayLike) -> FloatArray:
    """Return train loss [n] at ascending validation steps [n], of values [m] at steps [m].

    Each is the mean since the previous validation step, or interpolated if there is no value since.
    """
    values = np.asarray(train, np.float64)
    finite = np.isfinite(values)
    known_steps, known = train_steps[finite], values[finite]
    if not len(known):
        return np.full(len(steps), np.nan)
    sums = np.concatenate([[0.0], np.cumsum(known)])
    ends = np.searchsorted(known_steps, steps, side="right")
    starts = np.concatenate([[0], ends[:-1]])
    amount = ends - starts
    mean = (sums[ends] - sums[starts]) / np.maximum(amount, 1)
    interpolated = np.interp(steps, known_steps, known)
    return np.asarray(np.where(amount > 0, mean, interpolated))

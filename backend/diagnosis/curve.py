"""A run's train and validation loss over its steps, paired."""

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backend.series import Array, FloatArray, Series

LARGEST_LOSS = 1e100  # a larger loss counts as infinite: the sums of a diagnosis would overflow


@dataclass(frozen=True)
class Curve:
    """Train and validation loss [n] at the steps [n] of validation, ascending, all finite.

    Where train loss was recorded at other steps, its value is the mean since the previous
    validation step, or interpolated between the nearest. `broken_at` is the step from which a loss
    is not finite until the end; it is None if both losses end in finite numbers, or if validation
    loss was never finite. `dropped` counts the pairs left out because a loss is not finite.
    `train_goes_on` is True if only validation broke and train loss is finite to the end. `unit`
    is the word for a step.
    """

    steps: Array
    train: FloatArray
    validation: FloatArray
    broken_at: int | None = None
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
        last = int(train.steps[-1])
        if math.isfinite(train.values[-1]) or last < validation.steps[-1]:
            return curve
        broken_at = last if curve.broken_at is None else curve.broken_at
        return replace(curve, broken_at=broken_at, train_goes_on=False)

    @classmethod
    def from_arrays(
        cls, steps: ArrayLike, train: ArrayLike, validation: ArrayLike, *, unit: str = "epoch"
    ) -> Self:
        """Make a curve of paired losses [n] at ascending steps [n]."""
        x = np.asarray(steps)
        t, v = np.asarray(train, np.float64), np.asarray(validation, np.float64)
        train_finite, validation_finite = np.abs(t) <= LARGEST_LOSS, np.abs(v) <= LARGEST_LOSS
        both = train_finite & validation_finite
        if both.all():
            return cls(x, t, v, unit=unit)
        # A validation loss that is never finite is missing, it did not break.
        breaks = [
            _breaks_at(finite)
            for finite in (train_finite, validation_finite)
            if finite.any() or validation_finite.any()
        ]
        broken_steps = [int(x[index]) for index in breaks if index is not None]
        goes_on = bool(broken_steps) and bool(train_finite[-1])
        broken_at = min(broken_steps, default=None)
        return cls(x[both], t[both], v[both], broken_at, int((~both).sum()), unit, goes_on)

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def best(self) -> int:
        """Index of the lowest validation loss, the first of equals."""
        return int(np.argmin(self.validation))


def _breaks_at(finite: NDArray[np.bool_]) -> int | None:
    """Return the index from which no value is finite, None if the last value is."""
    if finite[-1]:
        return None
    return int(np.flatnonzero(finite)[-1]) + 1 if finite.any() else 0


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

"""A run's train and validation loss over its steps."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Series = Mapping[int, float]
"""Values by step; a value that is not finite is NaN or infinite."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Train and validation loss [n] at the steps [n] of validation, ascending, all finite.

    Where train loss was recorded at other steps, it is the mean since the validation before, or
    between the nearest. `broken_at` is the step from which a loss is no finite number until the
    end, None if both end in numbers or validation never was one; `dropped` counts the pairs that
    are left out because of such a loss. `train_goes_on` says that only validation broke: train loss
    is a finite number to the end.
    """

    steps: NDArray[Any]
    train: Array
    validation: Array
    broken_at: int | None = None
    dropped: int = 0
    unit: str = "epoch"
    train_goes_on: bool = False

    @classmethod
    def from_series(cls, train: Series, validation: Series, *, unit: str = "epoch") -> Self:
        """Pair two series by step; `unit` is what a step is, in words."""
        if train.keys() == validation.keys():
            steps = sorted(train)
            t, v = [train[s] for s in steps], [validation[s] for s in steps]
            return cls.from_arrays(steps, t, v, unit=unit)
        if not train or not validation:
            return cls.from_arrays([], [], [], unit=unit)
        steps = sorted(validation)
        of_train = sorted(train)
        at = _at(np.array(steps), np.array(of_train), np.array([train[s] for s in of_train], float))
        found = cls.from_arrays(steps, at, [validation[s] for s in steps], unit=unit)
        last = of_train[-1]
        if math.isfinite(train[last]) or last < steps[-1]:
            return found
        broken_at = last if found.broken_at is None else found.broken_at
        return replace(found, broken_at=broken_at, train_goes_on=False)

    @classmethod
    def from_arrays(
        cls, steps: ArrayLike, train: ArrayLike, validation: ArrayLike, *, unit: str = "epoch"
    ) -> Self:
        """Take paired losses [n] at ascending steps [n]."""
        x = np.asarray(steps)
        t, v = np.asarray(train, np.float64), np.asarray(validation, np.float64)
        finite = np.isfinite(t), np.isfinite(v)
        kept = finite[0] & finite[1]
        if kept.all():
            return cls(x, t, v, unit=unit)
        lost = [_lost(each) for each in finite if each.any() or finite[1].any()]
        places = [int(x[index]) for index in lost if index is not None]
        dropped, goes_on = int((~kept).sum()), bool(places) and bool(finite[0][-1])
        broken_at = min(places, default=None)
        return cls(x[kept], t[kept], v[kept], broken_at, dropped, unit, goes_on)

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def best(self) -> int:
        """Index of the lowest validation loss, the first of equals."""
        return int(np.argmin(self.validation))


def _lost(finite: NDArray[np.bool_]) -> int | None:
    """Return the index from which on no value is finite, None if the last is."""
    if finite[-1]:
        return None
    return int(np.flatnonzero(finite)[-1]) + 1 if finite.any() else 0


def _at(steps: NDArray[Any], of_train: NDArray[Any], train: Array) -> Array:
    """Return train loss at the steps of validation: the mean since the last, else interpolated."""
    finite = np.isfinite(train)
    if not finite.any():
        return np.full(len(steps), np.nan)
    known, values = of_train[finite], train[finite]
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.searchsorted(known, steps, side="right")
    starts = np.concatenate([[0], ends[:-1]])
    amount = ends - starts
    mean = (sums[ends] - sums[starts]) / np.maximum(amount, 1)
    return np.asarray(np.where(amount > 0, mean, np.interp(steps, known, values)))

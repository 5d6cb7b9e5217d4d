"""One metric over its steps: the type, downsampling and smoothing.

`Series` is the only class for it, from the store through diagnosis, logs and REST to the charts.
The store packs a series into chunks (`backend.store.metrics`), REST returns it as JSON
(`backend.api.runs`), and charts draw it. This module imports nothing of the project.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tsdownsample import MinMaxDownsampler

Array = NDArray[Any]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Series:
    """Values [n] at ascending steps [n], each step once. A missing value is NaN.

    Two series are equal if their steps and values are, where NaN equals NaN.
    """

    steps: IntArray
    values: FloatArray

    @classmethod
    def of(cls, steps: ArrayLike, values: Sequence[float | None] | ArrayLike) -> Self:
        """Make a series of ascending steps and their values; None becomes NaN."""
        return cls(np.asarray(steps, np.int64), np.asarray(values, np.float64))

    @classmethod
    def from_mapping(cls, values: Mapping[int, float]) -> Self:
        """Make a series of values by step, in any order."""
        steps = sorted(values)
        return cls.of(steps, [values[step] for step in steps])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Series):
            return NotImplemented
        same_steps = np.array_equal(self.steps, other.steps)
        return same_steps and np.array_equal(self.values, other.values, equal_nan=True)

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def by_step(self) -> dict[int, float]:
        """The values by step."""
        return dict(zip(self.steps.tolist(), self.values.tolist(), strict=True))

    @property
    def lowest(self) -> int | None:
        """The step of the lowest finite value, the first of equals. None without finite values."""
        finite = np.flatnonzero(np.isfinite(self.values))
        return int(self.steps[finite[self.values[finite].argmin()]]) if len(finite) else None

    @property
    def length(self) -> int:
        """The number of epochs up to the last step: one more than the step if they start at 0."""
        return int(self.counted_from_one.steps[-1]) if len(self) else 0

    @property
    def counted_from_one(self) -> Self:
        """The series with steps counted from 1 if they start at 0, as many programs count."""
        starts_at_0 = len(self) > 0 and self.steps[0] == 0
        return type(self)(self.steps + 1, self.values) if starts_at_0 else self

    def at(self, step: int) -> float | None:
        """Return the value at a step, None if it is missing or not finite."""
        index = int(self.steps.searchsorted(step))
        if index == len(self) or self.steps[index] != step:
            return None
        value = float(self.values[index])
        return value if math.isfinite(value) else None

    def between(self, first: int | None, last: int | None) -> slice:
        """Return the slice of the steps from `first` to `last`; None leaves an end open."""
        begin = 0 if first is None else int(self.steps.searchsorted(first))
        end = len(self) if last is None else int(self.steps.searchsorted(last, side="right"))
        return slice(begin, end)

    def updated(self, later: Self) -> Self:
        """Return the series with the steps of a later one added or replaced."""
        return self.from_mapping({**self.by_step, **later.by_step})

    def take(self, indices: slice | Sequence[int] | IntArray) -> Self:
        """Return the series at some of its indices."""
        return type(self)(self.steps[indices], self.values[indices])

    def values_at(self, steps: IntArray) -> FloatArray:
        """Return the values at ascending steps [m], NaN where there is no value."""
        if np.array_equal(self.steps, steps):
            return self.values
        values = np.full(len(steps), np.nan)
        if len(self):
            indices = np.minimum(self.steps.searchsorted(steps), len(self) - 1)
            known = self.steps[indices] == steps
            values[known] = self.values[indices[known]]
        return values

    def at_steps(self, steps: IntArray) -> Self:
        """Return the series at those of the ascending steps [m] that it has."""
        indices = self.steps.searchsorted(steps)
        inside = indices < len(self)
        indices, steps = indices[inside], steps[inside]
        return self.take(indices[self.steps[indices] == steps])

    def plus(self, other: Self) -> Self:
        """Return the sum of two series at the steps that both have."""
        return self._combined(other, np.add)

    def minus(self, other: Self) -> Self:
        """Return the difference of two series at the steps that both have."""
        return self._combined(other, np.subtract)

    def _combined(self, other: Self, operation: np.ufunc) -> Self:
        steps = np.intersect1d(self.steps, other.steps, assume_unique=True)
        with np.errstate(invalid="ignore"):  # infinity minus infinity is NaN
            return type(self)(steps, operation(self.values_at(steps), other.values_at(steps)))

    @property
    def finite(self) -> Self:
        """The series without the steps whose value is not finite."""
        return self.take(np.flatnonzero(np.isfinite(self.values)))

    @property
    def json_values(self) -> list[float | None]:
        """The values as JSON can hold them: None where a value is not finite."""
        values: list[float | None] = self.values.tolist()
        for index in np.flatnonzero(~np.isfinite(self.values)).tolist():
            values[index] = None
        return values


def generalisation_gap(train: float | None, validation: float | None) -> float | None:
    """Return validation loss minus train loss, None if one of them is unknown."""
    return None if train is None or validation is None else validation - train


_MIN_MAX = MinMaxDownsampler()  # type: ignore[no-untyped-call]


def downsample(
    values: Sequence[float | None] | FloatArray,
    max_points: int,
    *,
    at: Sequence[float] | FloatArray | None = None,
) -> list[int]:
    """Return the ascending indices of at most `max_points` values (4 or more) that represent all.

    The first, last, lowest and highest values are kept, and the lowest and highest value of each of
    many equal intervals. Spikes and the band of a noisy curve therefore keep their shape. The
    intervals are equal in index, or along the ascending positions `at` if given. None and NaN are
    missing values; an interval of missing values keeps one of them, as a gap in the line.
    """
    last = len(values) - 1
    if len(values) <= max_points:
        return list(range(len(values)))
    numbers = np.array(values, dtype=float)
    positions = [] if at is None else [np.array(at, dtype=float)]
    indices = {0, last}
    if not np.isnan(numbers).all():
        indices |= {int(np.nanargmin(numbers)), int(np.nanargmax(numbers))}
    intervals = (max_points - 4) // 2
    if intervals > 1:  # the library needs two or more
        indices.update(_MIN_MAX.downsample(*positions, numbers, n_out=2 * intervals).tolist())
    return sorted(indices)


def smooth(values: Sequence[float | None], weight: float) -> list[float | None]:
    """Return the exponential moving average of values, for display only.

    Each value weighs `weight` (0 to below 1) times the next one. The bias towards 0 at the start
    is corrected as in Kingma & Ba (2015), "Adam: A Method for Stochastic Optimization",
    Algorithm 1. A value that is missing or not finite becomes None and does not count. Diagnosis
    never uses smoothed values of this kind.
    """
    return list(_smoothed(values, weight))


def _smoothed(values: Sequence[float | None], weight: float) -> Iterator[float | None]:
    mean, total_weight = 0.0, 0.0
    for value in values:
        if value is None or not isfinite(value):
            yield None
            continue
        mean = weight * mean + (1 - weight) * value
        total_weight = weight * total_weight + (1 - weight)
        yield mean / total_weight

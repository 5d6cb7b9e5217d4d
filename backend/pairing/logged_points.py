"""The points of one metric as a client logged them, and their order after restarts."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from backend.series import FloatArray, IntArray, Series


@dataclass(frozen=True, eq=False)
class LoggedPoints:
    """Steps, timestamps in milliseconds, and values [n] of a metric in the order of logging.

    A step may occur more than once, and steps may go back, as after a restart.
    """

    steps: IntArray
    timestamps: IntArray
    values: FloatArray

    @classmethod
    def of(cls, steps: ArrayLike, values: ArrayLike, timestamps: ArrayLike | None = None) -> Self:
        """Make the points of a metric; without timestamps their order is that of logging."""
        at = np.asarray(steps, np.int64)
        times = np.arange(len(at)) if timestamps is None else np.asarray(timestamps, np.int64)
        return cls(at, times, np.asarray(values, np.float64))

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def is_curve(self) -> bool:
        """Return whether the points have more than one step."""
        return len(self) > 1 and bool((self.steps != self.steps[0]).any())

    @property
    def last(self) -> float | None:
        """The value that was logged last."""
        return float(self.values[-1]) if len(self) else None

    @property
    def series(self) -> Series:
        """The values over the steps, which must ascend."""
        return Series(self.steps, self.values)

    def take(self, index: ArrayLike | slice) -> Self:
        """Return the points at some indices, or where a mask is true."""
        at = index if isinstance(index, slice) else np.asarray(index)
        return type(self)(self.steps[at], self.timestamps[at], self.values[at])

    def plus(self, other: Self) -> Self:
        """Return the sum at the steps that both have; in both, steps must ascend."""
        _, own, others = np.intersect1d(
            self.steps, other.steps, assume_unique=True, return_indices=True
        )
        points = self.take(own)
        return type(self)(points.steps, points.timestamps, points.values + other.values[others])


def by_time(points: LoggedPoints) -> LoggedPoints:
    """Return the points in the order of their timestamps, equal ones in the order of logging."""
    return points.take(np.argsort(points.timestamps, kind="stable"))


def by_step(points: LoggedPoints, *, averaged: bool = False) -> LoggedPoints:
    """Return the points with ascending steps, each step once.

    After a restart the points of the earlier attempt are dropped from the step at which it goes on.
    If a step has several values, the newest counts. If `averaged`, and most steps have several
    values, these are the values of batches, and their mean counts.
    """
    points = _since_restarts(by_time(points))
    steps, inverse, amount = np.unique(points.steps, return_inverse=True, return_counts=True)
    if len(steps) == len(points):
        return points.take(np.argsort(points.steps))
    newest = np.zeros(len(steps), np.int64)
    np.maximum.at(newest, inverse, np.arange(len(points)))
    latest = points.take(newest)
    if averaged and 2 * np.count_nonzero(amount > 1) >= len(steps):
        means = np.bincount(inverse, points.values) / amount
        return LoggedPoints(steps, latest.timestamps, means)
    return latest


def _since_restarts(points: LoggedPoints) -> LoggedPoints:
    """Drop the points that a restart repeats: those from a known step that the points return to."""
    steps = points.steps
    if len(steps) < 2 or (np.diff(steps) >= 0).all():
        return points
    _, first, inverse = np.unique(steps, return_index=True, return_inverse=True)
    index = np.arange(len(steps))
    returns = np.concatenate([[False], np.diff(steps) < 0]) & (first[inverse] < index)
    goes_on_at = np.where(returns, steps, np.iinfo(np.int64).max)
    lowest_later = np.minimum.accumulate(goes_on_at[::-1])[::-1]
    later = np.concatenate([lowest_later[1:], [np.iinfo(np.int64).max]])
    return points.take(steps < later)

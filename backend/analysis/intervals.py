"""Means over seeds with their confidence intervals, and differences paired by seed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from math import expm1, fsum, isfinite, log, sqrt
from statistics import fmean

LEVEL = 0.95
TINY = 1e-9
LARGEST = 50.0  # logarithm of the largest ratio told apart


@dataclass(frozen=True)
class Interval:
    """A mean of `count` values, and where it lies with 95 % confidence; None: one value."""

    mean: float
    low: float | None
    high: float | None
    count: int

    @property
    def resolved(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high

    @property
    def standard_error(self) -> float | None:
        """The mean's standard error; None for one value."""
        if self.high is None:
            return None
        return (self.high - self.mean) / student_t(self.count - 1)


def interval(values: Iterable[float | None]) -> Interval | None:
    """Return mean and Student-t interval of the finite values, None without any.

    The interval of m values is mean -+ t(m - 1) s / sqrt(m); one value has none.
    """
    found = [value for value in values if value is not None and isfinite(value)]
    if not found:
        return None
    mean = fmean(found)
    if len(found) == 1:
        return Interval(mean, None, None, 1)
    # not statistics.stdev: exact fractions take fifty times as long
    variance = fsum((value - mean) ** 2 for value in found) / (len(found) - 1)
    half = student_t(len(found) - 1) * sqrt(variance / len(found))
    return Interval(mean, mean - half, mean + half, len(found))


def paired(after: Mapping[int, float], before: Mapping[int, float]) -> Interval | None:
    """Return how much higher `after` is than `before`, relative, over the seeds that both have.

    -0.1 is "a tenth lower". The mean is the geometric one of the ratios, its interval Student's t
    of their logarithms: ratios of losses are skewed, and a seed's own luck cancels. None without a
    shared seed; losses of 0 count as TINY.
    """
    ratios = [
        log(max(after[seed], TINY) / max(before[seed], TINY)) for seed in after if seed in before
    ]
    found = interval(ratios)
    if found is None:
        return None
    low, high = (None if x is None else expm1(min(x, LARGEST)) for x in (found.low, found.high))
    return Interval(expm1(min(found.mean, LARGEST)), low, high, found.count)


@cache
def student_t(degrees: int, level: float = LEVEL) -> float:
    """Return the quantile of Student's t that leaves (1 - `level`) / 2 on either side."""
    from scipy.special import stdtrit  # loaded when first needed: it takes a sixth of a second

    return float(stdtrit(degrees, (1 + level) / 2))

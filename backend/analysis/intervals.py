"""Means over seeds with their confidence intervals, and differences paired by seed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from math import expm1, fsum, isfinite, log, sqrt
from statistics import fmean

from backend import work_budget

LEVEL = 0.95
SMALLEST_LOSS = 1e-9  # a loss of 0 counts as this in ratios
MAX_LOG_RATIO = 50.0  # larger ratios overflow


@dataclass(frozen=True)
class Interval:
    """The mean of `count` values with its 95 % confidence interval, None for one value."""

    mean: float
    low: float | None
    high: float | None
    count: int

    @property
    def resolved(self) -> bool:
        """Return whether the interval excludes 0."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high

    @property
    def standard_error(self) -> float | None:
        """The standard error of the mean, None for one value."""
        if self.high is None:
            return None
        return (self.high - self.mean) / student_t(self.count - 1)


def interval(values: Iterable[float | None]) -> Interval | None:
    """Return mean and Student-t interval of the finite values, None without any.

    The interval of m values is mean -+ t(m - 1) s / sqrt(m).
    """
    work_budget.check()
    finite = [value for value in values if value is not None and isfinite(value)]
    if not finite:
        return None
    mean = fmean(finite)
    if len(finite) == 1:
        return Interval(mean, None, None, 1)
    # statistics.stdev uses exact fractions and takes fifty times as long.
    variance = fsum((value - mean) ** 2 for value in finite) / (len(finite) - 1)
    half = student_t(len(finite) - 1) * sqrt(variance / len(finite))
    return Interval(mean, mean - half, mean + half, len(finite))


def paired(after: Mapping[int, float], before: Mapping[int, float]) -> Interval | None:
    """Return the relative change from `before` to `after` over the seeds that both have.

    -0.1 is "a tenth lower". The mean is the geometric mean of the ratios and the interval Student's
    t of their logarithms, because ratios of losses are skewed. Pairing by seed removes the
    differences between seeds. Returns None without a shared seed.
    """
    ratios = [
        log(max(after[seed], SMALLEST_LOSS) / max(before[seed], SMALLEST_LOSS))
        for seed in after
        if seed in before
    ]
    logs = interval(ratios)
    if logs is None:
        return None
    low, high = (None if x is None else _change(x) for x in (logs.low, logs.high))
    return Interval(_change(logs.mean), low, high, logs.count)


def _change(log_ratio: float) -> float:
    return expm1(min(log_ratio, MAX_LOG_RATIO))


@cache
def student_t(degrees: int, level: float = LEVEL) -> float:
    """Return the quantile of Student's t that leaves (1 - `level`) / 2 on either side."""
    from scipy.special import stdtrit  # imported on first use: it takes a sixth of a second

    return float(stdtrit(degrees, (1 + level) / 2))

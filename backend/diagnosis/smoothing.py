"""Smooth a noisy curve for the eye. No finding rests on a smoothed value."""

from collections.abc import Iterator, Sequence
from math import isfinite


def smooth(values: Sequence[float | None], weight: float) -> list[float | None]:
    """Return the running mean of values, each weighing `weight` (0 to below 1) times its next.

    An exponential moving average without its bias towards 0, as in Kingma & Ba (2015), "Adam: A
    Method for Stochastic Optimization", Algorithm 1.
    What is no finite number becomes None and weighs nothing.
    """
    return list(_smoothed(values, weight))


def _smoothed(values: Sequence[float | None], weight: float) -> Iterator[float | None]:
    mean, known = 0.0, 0.0
    for value in values:
        if value is None or not isfinite(value):
            yield None
            continue
        mean = weight * mean + (1 - weight) * value
        known = weight * known + (1 - weight)
        yield mean / known

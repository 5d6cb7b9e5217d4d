"""Whether validation loss still falls at the end."""

import numpy as np

from backend.diagnosis.curve import Array
from backend.diagnosis.shape import Shape

FALLING = 0.04  # of the total fall, over the last fifth of the run
RECENTLY = 0.02  # of it, over the same fifth judged by its own points alone
CERTAIN = 2.2  # standard errors


def fall_ahead(shape: Shape) -> float | None:
    """Return how much validation loss falls over the last fifth of the run, None if it does not.

    Judged by the slope over the last half, as noise asks for, and by that over the last fifth.
    """
    values, n = shape.validation, len(shape.validation)
    long_slope, long_error = line(values[n - max(3, n // 2) :], shape.noise)
    slope, error = line(values[n - max(3, n // 5) :], shape.noise)
    fifth = max(1.0, n / 5)
    fell, recently = -long_slope * fifth, -slope * fifth
    if fell <= max(FALLING * shape.fall, CERTAIN * long_error * fifth):
        return None
    if recently <= RECENTLY * shape.fall - CERTAIN * error * fifth:
        return None
    return min(fell, shape.fall)


def line(values: Array, noise: float) -> tuple[float, float]:
    """Return the least-squares slope per point, and its standard error."""
    x = np.arange(len(values)) - (len(values) - 1) / 2  # [n]
    weight = float(x @ x)
    return float(x @ values) / weight, noise / float(np.sqrt(weight))

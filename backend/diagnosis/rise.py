"""Whether validation loss has risen since its best: materially, lastingly, beyond its noise."""

from math import sqrt

import numpy as np

from backend.diagnosis.curve import Array
from backend.diagnosis.shape import BARELY, CERTAIN, CLEAR, SHORT, Shape
from backend.diagnosis.trend import line

LEAST_AFTER = 3  # points after the best: fewer are no trend
CERTAIN_OF_FEW = 2.5  # standard errors, of a short curve: its own course is noise in part
CERTAIN_IN_ORDER = 1.25  # of one whose points since the best rise in order
IN_ORDER = 2.0  # standard deviations of Kendall's S
DRIFT = 1.5  # standard errors by which the slope since the best must be above 0
HELD = 0.2  # of the run at its best: a loss that rises afterwards did not rise from the start


def rises(shape: Shape) -> bool:
    """Whether validation loss ends above its lowest for good."""
    if shape.points_after < LEAST_AFTER or shape.rise <= shape.threshold:
        return False
    if len(shape.validation) < SHORT:
        return shape.rise > _certain_of_few(shape)
    error = shape.reading.error
    if shape.rise <= CERTAIN * error or (shape.rise < CLEAR * error and not _drifts_up(shape)):
        return False
    return _points_after_last(shape, shape.rise / 4) >= LEAST_AFTER


def share(shape: Shape) -> str:
    """Write the rise as a share of the smoothed best; of the fall where losses reach 0."""
    return f"{shape.relative_rise:,.0%}{'' if shape.lowest > 0 else ' of its fall'}"


def held(shape: Shape) -> bool:
    """Whether validation loss stayed at its best for a while before it moved away for good."""
    tolerance = max(2 * shape.noise, BARELY / 2 * abs(shape.reading.low))
    size = len(shape.validation)
    return size - _points_after_last(shape, tolerance) >= max(LEAST_AFTER, HELD * size)


def _certain_of_few(shape: Shape) -> float:
    """Return the rise that noise hardly makes, given whether the points since rise in order."""
    since = shape.validation[shape.reading.best :]
    factor = CERTAIN_IN_ORDER if kendall(since) >= IN_ORDER else CERTAIN_OF_FEW
    return factor * shape.reading.error


def _drifts_up(shape: Shape) -> bool:
    """Whether all points since the best tell of a rise: the lowest of many is low by chance."""
    slope, error = line(shape.validation[shape.reading.best + 1 :], shape.noise)
    return slope > DRIFT * error


def _points_after_last(shape: Shape, tolerance: float) -> int:
    """Count the points after the last whose validation loss is within `tolerance` of the best."""
    values = shape.reading.values
    return len(values) - 1 - int(np.flatnonzero(values <= shape.reading.low + tolerance)[-1])


def kendall(values: Array) -> float:
    """Return Kendall's S of values [n] against their order, in standard deviations (Mann 1945)."""
    n = len(values)
    if n < 2:
        return 0.0
    s = float(np.triu(np.sign(values[None, :] - values[:, None])).sum())
    return s / sqrt(n * (n - 1) * (2 * n + 5) / 18)

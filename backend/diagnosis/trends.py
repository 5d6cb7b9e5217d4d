"""Rises, falls and second descents of the validation loss, beyond what noise explains.

The standard-error factors were set on the *first* part of the corpus (docs/diagnosis.md); the
tests in tests/unit/test_diagnosis_robustness.py show what they leave to noise.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from backend.diagnosis.measurements import (
    CERTAIN_ERRORS,
    CLEAR_ERRORS,
    NEGLIGIBLE_CHANGE,
    SHORT_CURVE_POINTS,
    STEADY_TRAIN_RISE,
    CurveShape,
    median,
)
from backend.series import FloatArray

MIN_POINTS_AFTER_BEST = 3  # fewer points after the best one show no trend
# Standard errors that the rise of a short curve must exceed. A short curve's own course counts as
# noise in part, so fewer are needed than for a long one, and fewer still if its points since the
# best rise in order.
SHORT_CURVE_ERRORS, SHORT_CURVE_ERRORS_IN_ORDER = 2.5, 1.25
IN_ORDER_DEVIATIONS = 2.0  # standard deviations of Kendall's S above 0 that count as in order
DRIFT_ERRORS = 1.5  # standard errors by which the slope since the best must exceed 0
# A loss that stayed at its best for this share of the run did not rise from the start.
HELD_SHARE = 0.2

# A fall over the last fifth of the run counts above this share of the total fall and above this
# many standard errors; judged by the points of that fifth alone, the lower share is enough.
FALLING_SHARE, RECENT_FALLING_SHARE, FALLING_ERRORS = 0.04, 0.02, 2.2

HUMP_SHARE = 0.2  # of the fall: a rise between two falls that counts
MIN_HUMP_POINTS = 3  # above half the hump: fewer points are a spike
RECOVERED_SHARE = 0.2  # of the hump: the end is at most this far above the first minimum
# Share of its fall that train loss must have behind it where validation loss peaks.
TRAINED_SHARE = 0.5


def validation_rises(shape: CurveShape) -> bool:
    """Return whether validation loss rose for good: materially, lastingly and beyond its noise."""
    if shape.points_after < MIN_POINTS_AFTER_BEST or shape.rise <= shape.threshold:
        return False
    if len(shape.validation) < SHORT_CURVE_POINTS:
        return shape.rise > _noise_of_short_curve(shape)
    error = shape.smoothed.error
    if shape.rise <= CERTAIN_ERRORS * error:
        return False
    if shape.rise < CLEAR_ERRORS * error and not _drifts_up(shape):
        return False
    return _points_since_within(shape, shape.rise / 4) >= MIN_POINTS_AFTER_BEST


def rise_text(shape: CurveShape) -> str:
    """Write the rise in percent of the smoothed best, or of the fall where losses reach 0."""
    return f"{shape.relative_rise:,.0%}{'' if shape.lowest > 0 else ' of its fall'}"


def stayed_at_best(shape: CurveShape) -> bool:
    """Return whether validation loss stayed at its best for a while before it left it for good."""
    tolerance = max(2 * shape.noise, NEGLIGIBLE_CHANGE / 2 * abs(shape.smoothed.low))
    size = len(shape.validation)
    stayed = size - _points_since_within(shape, tolerance)
    return stayed >= max(MIN_POINTS_AFTER_BEST, HELD_SHARE * size)


def _noise_of_short_curve(shape: CurveShape) -> float:
    """Return the rise that noise hardly makes in a curve of few points."""
    since_best = shape.validation[shape.smoothed.best :]
    in_order = kendall(since_best) >= IN_ORDER_DEVIATIONS
    factor = SHORT_CURVE_ERRORS_IN_ORDER if in_order else SHORT_CURVE_ERRORS
    return factor * shape.smoothed.error


def _drifts_up(shape: CurveShape) -> bool:
    """Return whether the points since the best rise as a whole: the best may be low by chance."""
    slope, error = fitted_line(shape.validation[shape.smoothed.best + 1 :], shape.noise)
    return slope > DRIFT_ERRORS * error


def _points_since_within(shape: CurveShape, tolerance: float) -> int:
    """Count the points after the last one whose loss is within `tolerance` of the best."""
    values = shape.smoothed.values
    return len(values) - 1 - int(np.flatnonzero(values <= shape.smoothed.low + tolerance)[-1])


def kendall(values: FloatArray) -> float:
    """Return Kendall's S of values [n] against their order, in standard deviations (Mann 1945)."""
    n = len(values)
    if n < 2:
        return 0.0
    s = float(np.triu(np.sign(values[None, :] - values[:, None])).sum())
    return s / sqrt(n * (n - 1) * (2 * n + 5) / 18)


def fall_ahead(shape: CurveShape) -> float | None:
    """Return how much validation loss falls over the last fifth of the run, None if it does not.

    The fall is estimated from the slope over the last half of the run, because of the noise, and
    confirmed by the slope over the last fifth.
    """
    values, n = shape.validation, len(shape.validation)
    long_slope, long_error = fitted_line(values[n - max(3, n // 2) :], shape.noise)
    slope, error = fitted_line(values[n - max(3, n // 5) :], shape.noise)
    fifth = max(1.0, n / 5)
    fall, recent_fall = -long_slope * fifth, -slope * fifth
    if fall <= max(FALLING_SHARE * shape.fall, FALLING_ERRORS * long_error * fifth):
        return None
    if recent_fall <= RECENT_FALLING_SHARE * shape.fall - FALLING_ERRORS * error * fifth:
        return None
    return min(fall, shape.fall)


def fitted_line(values: FloatArray, noise: float) -> tuple[float, float]:
    """Return the least-squares slope per point of values [n], and its standard error."""
    x = np.arange(len(values)) - (len(values) - 1) / 2  # [n]
    weight = float(x @ x)
    return float(x @ values) / weight, noise / float(np.sqrt(weight))


@dataclass(frozen=True)
class SecondDescent:
    """The first minimum and the peak as indices in the thinned curve, and three losses."""

    first: int
    peak: int
    first_loss: float
    peak_loss: float
    end_loss: float


def second_descent(shape: CurveShape) -> SecondDescent | None:
    """Return the second descent of the validation loss (Nakkiran et al. 2020), None without one.

    A rise in which train loss rises too, as after a warm restart, does not count.
    """
    values = shape.smoothed.values
    if len(values) < SHORT_CURVE_POINTS:
        return None
    lowest = np.minimum.accumulate(values)
    peak = int(np.argmax(values - lowest))
    first = int(np.argmin(values[: peak + 1]))
    height = float(values[peak] - values[first])
    end = shape.smoothed.end
    noise = 2 * CERTAIN_ERRORS * shape.smoothed.error
    material = height > max(shape.threshold, HUMP_SHARE * shape.fall, noise)
    wide = np.count_nonzero(values[first:] > values[first] + height / 2) >= MIN_HUMP_POINTS
    recovered = end <= values[first] + RECOVERED_SHARE * height
    if not (material and wide and recovered and _train_goes_on_falling(shape, first, peak)):
        return None
    return SecondDescent(first, peak, float(values[first]), float(values[peak]), end)


def _train_goes_on_falling(shape: CurveShape, first: int, peak: int) -> bool:
    """Return whether train loss is low where validation loss peaks, and no higher than before.

    Changes are compared with the whole fall of train loss: far below its start, relative changes
    are large even if they mean nothing.
    """
    before, at_peak = shape.train[first], float(median(shape.train[max(0, peak - 1) : peak + 2]))
    tolerated = max(STEADY_TRAIN_RISE * shape.train_fall, CERTAIN_ERRORS * shape.train_noise)
    trained = shape.curve.train[0] - at_peak >= TRAINED_SHARE * shape.train_fall
    return bool(trained and at_peak <= before + tolerated)

"""The second descent of a validation loss: it rose, and fell again while train loss stayed low."""

from dataclasses import dataclass

import numpy as np

from backend.diagnosis.measurements import SHORT_CURVE_POINTS, CurveShape, median
from backend.diagnosis.thresholds import HUMP_OF_SPAN, STEADY_TRAIN

MIN_HUMP_POINTS = 3  # above half the hump: fewer points are a spike
RECOVERED_SHARE = 0.2  # of the hump: the end is at most this far above the first minimum
# Share of its fall that train loss must have behind it where validation loss peaks.
TRAINED_SHARE = 0.5
LATE_SHARE = 0.5  # of the first minimum: a validation loss that ends below it generalised late


@dataclass(frozen=True)
class SecondDescent:
    """The first minimum and the peak as indices in the thinned curve, and three losses.

    `late` is true if validation loss hardly fell at first, and ends far below where it began.
    """

    first: int
    peak: int
    first_loss: float
    peak_loss: float
    end_loss: float
    late: bool


def second_descent(shape: CurveShape) -> SecondDescent | None:
    """Return the second descent of the validation loss (Nakkiran et al. 2020), None without one.

    A rise in which train loss rises too, as after a warm restart, does not count.
    """
    values = shape.smoothed.values
    if len(values) < SHORT_CURVE_POINTS:
        return None
    peak = int(np.argmax(values - np.minimum.accumulate(values)))
    first = int(np.argmin(values[: peak + 1]))
    before, top, end = float(values[first]), float(values[peak]), shape.smoothed.end
    height, fall = top - before, max(shape.fall, 0.0)
    noise = 6 * shape.smoothed.error
    material = height > max(shape.threshold, HUMP_OF_SPAN * fall, noise)
    wide = np.count_nonzero(values[first:] > before + height / 2) >= MIN_HUMP_POINTS
    recovered = end <= before + RECOVERED_SHARE * height
    lasting = _stays_down(values[peak:], before + height / 2)
    if not (material and wide and recovered and lasting):
        return None
    if not _train_goes_on_falling(shape, first, peak):
        return None
    late = shape.start - before <= HUMP_OF_SPAN * fall and end < LATE_SHARE * before
    return SecondDescent(first, peak, before, top, end, late)


def _stays_down(after_peak: np.ndarray, level: float) -> bool:
    """Return whether a loss that fell below a level again stays there: spikes come back."""
    crossings = np.count_nonzero(np.diff((after_peak > level).astype(int)) == 1)
    return int(crossings) == 0


def _train_goes_on_falling(shape: CurveShape, first: int, peak: int) -> bool:
    """Return whether train loss is low where validation loss peaks, and no higher than before.

    Changes are compared with the whole fall of train loss: far below its start, relative changes
    are large even if they mean nothing.
    """
    before, at_peak = shape.train[first], float(median(shape.train[max(0, peak - 1) : peak + 2]))
    tolerated = max(STEADY_TRAIN * shape.train_fall, 3 * shape.train_noise)
    trained = shape.curve.train[0] - at_peak >= TRAINED_SHARE * shape.train_fall
    return bool(trained and at_peak <= before + tolerated)

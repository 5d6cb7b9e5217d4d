"""Epoch-wise double descent: validation loss falls, rises and falls again (Nakkiran 2020)."""

from dataclasses import dataclass

import numpy as np

from backend.diagnosis.shape import CERTAIN, SHORT, STEADY, Shape, middle

HUMP = 0.2  # of the fall: a rise in between that counts
WIDE = 3  # points above half the hump, at least: fewer are spikes
RECOVERED = 0.2  # of the hump: the end is at most so far above the first minimum
TRAINED = 0.5  # of its fall, at least, train loss has behind it where validation loss peaks


@dataclass(frozen=True)
class Descent:
    """Indices, in the thinned curve, of the first minimum and the peak, with the losses."""

    first: int
    peak: int
    first_loss: float
    peak_loss: float
    end_loss: float


def second_descent(shape: Shape) -> Descent | None:
    """Return the second descent of the validation loss, None if there is none.

    A hump in which train loss rises too, as after a warm restart, is none.
    """
    values = shape.reading.values
    if len(values) < SHORT:
        return None
    lowest = np.minimum.accumulate(values)
    peak = int(np.argmax(values - lowest))
    first = int(np.argmin(values[: peak + 1]))
    height = float(values[peak] - values[first])
    end = shape.reading.end
    # of a train loss far below its start, ups and downs are small whatever they are of themselves
    before, at_peak = shape.train[first], float(middle(shape.train[max(0, peak - 1) : peak + 2]))
    material = height > max(shape.threshold, HUMP * shape.fall, 2 * CERTAIN * shape.reading.error)
    wide = np.count_nonzero(values[first:] > values[first] + height / 2) >= WIDE
    recovered = end <= values[first] + RECOVERED * height
    steady = at_peak <= before + max(STEADY * shape.train_fall, CERTAIN * shape.train_noise)
    learnt = shape.curve.train[0] - at_peak >= TRAINED * shape.train_fall
    if not (material and wide and recovered and steady and learnt):
        return None
    return Descent(first, peak, float(values[first]), float(values[peak]), end)

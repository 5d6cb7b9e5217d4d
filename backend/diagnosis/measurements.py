"""Measurements of a curve: levels, rise and noise, robust to noise and to the sampling of steps."""

from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np

from backend.diagnosis.curve import Curve
from backend.series import FloatArray

# A curve of at least twice this many points is reduced to medians of as many equal blocks, so that
# the number of points recorded matters little.
BLOCKS = 240
# Shares of the curve to average over, tried in order until noise hides no rise that counts.
AVERAGED_SHARES = (0.0, 0.02, 0.05, 0.1, 0.2)
LAST_LEVEL_SHARE, LAST_LEVEL_POINTS = 0.05, 3  # the last level averages at least these
FEW_POINTS = 10  # with fewer points, the first loss is not averaged
SHORT_CURVE_POINTS = 20  # with fewer points, each point is judged by itself
MIN_NOISE_POINTS = 5  # with fewer points, noise cannot be estimated
RISE_OF_BEST = 0.05  # relative to the best validation loss: a rise that counts
MIN_RISE_OF_FALL = 0.01  # of the total fall: near a loss of 0 a relative rise means nothing
CERTAIN_ERRORS = 3.3  # standard errors that a rise must exceed (docs/diagnosis.md)
CLEAR_ERRORS = 6.0  # standard errors beyond which a rise needs no other evidence
NEGLIGIBLE_CHANGE = 0.02  # relative change of a loss that counts as no change
STEADY_TRAIN_RISE = 0.15  # of its fall: train loss that rises less is steady
NORMAL_MAD = 1.4826  # standard deviation of a normal variable over its median absolute deviation


@dataclass(frozen=True)
class Smoothed:
    """A curve [n] averaged over `width` points: its lowest level, where that is, and its last.

    `error` is the standard error of `end - low`.
    """

    values: FloatArray
    width: int
    best: int
    low: float
    end: float
    error: float


@dataclass(frozen=True)
class CurveShape:
    """Measurements of a curve. `reference_loss` is the validation loss of a constant answer."""

    curve: Curve
    reference_loss: float | None = None

    @property
    def unit(self) -> str:
        """The word for a step of the curve."""
        return self.curve.unit

    @cached_property
    def validation(self) -> FloatArray:
        """Validation loss, thinned [m]."""
        return _thinned(self._without_repeats(self.curve.validation))

    @cached_property
    def train(self) -> FloatArray:
        """Train loss, thinned [m]."""
        return _thinned(self._without_repeats(self.curve.train))

    def _without_repeats(self, values: FloatArray) -> FloatArray:
        return values[: len(values) - self.repeated]

    @cached_property
    def repeated(self) -> int:
        """Number of rows at the end that repeat the best row, which some loggers append."""
        train, validation, best = self.curve.train, self.curve.validation, self.curve.best
        same = (validation == validation[best]) & (train == train[best])
        last = len(same) - 1
        while last > best and same[last]:
            last -= 1
        return len(same) - 1 - last if last > best else 0

    @cached_property
    def noise(self) -> float:
        """Standard deviation of the validation loss around its trend."""
        return _noise(self.validation)

    @cached_property
    def train_noise(self) -> float:
        """Standard deviation of the train loss around its trend."""
        return _noise(self.train)

    @cached_property
    def smoothed(self) -> Smoothed:
        """Validation loss, averaged no more than its noise requires."""
        for share in AVERAGED_SHARES:
            smoothed = _smoothed(self.validation, share, self.noise)
            if len(self.validation) < SHORT_CURVE_POINTS or self._resolves(smoothed):
                break
        return smoothed

    def _resolves(self, smoothed: Smoothed) -> bool:
        """Return whether a rise that counts exceeds the noise, or the rise is far above both."""
        counts, rise = self._threshold(smoothed), smoothed.end - smoothed.low
        return CERTAIN_ERRORS * smoothed.error < counts or rise > max(
            counts, CLEAR_ERRORS * smoothed.error
        )

    def _threshold(self, smoothed: Smoothed) -> float:
        fall = max(self._early - smoothed.low, 0.0)
        relative = RISE_OF_BEST * (smoothed.low if self.lowest > 0 else fall)
        return max(relative, MIN_RISE_OF_FALL * fall)

    @cached_property
    def _early(self) -> float:
        """Validation loss of the first points, because the first alone may be out of proportion."""
        if len(self.validation) < FEW_POINTS:
            return self.start
        return min(self.start, float(median(self.validation[:3])))

    @cached_property
    def lowest(self) -> float:
        """The lowest thinned validation loss."""
        return float(self.validation.min())

    @cached_property
    def start(self) -> float:
        """Validation loss before training: the higher of the first and the reference."""
        return max(float(self.curve.validation[0]), self.reference_loss or -np.inf)

    @property
    def last(self) -> float:
        """Validation loss at the end as recorded, before rows that repeat the best."""
        return float(self._without_repeats(self.curve.validation)[-1])

    @property
    def last_train(self) -> float:
        """Train loss at the end as recorded, before rows that repeat the best."""
        return float(self._without_repeats(self.curve.train)[-1])

    @cached_property
    def threshold(self) -> float:
        """The rise that counts, in units of the loss."""
        return self._threshold(self.smoothed)

    @property
    def fall(self) -> float:
        """Fall of the validation loss from its start to its best."""
        return self.start - self.smoothed.low

    @property
    def rise(self) -> float:
        """Rise of the validation loss since its best."""
        return self.smoothed.end - self.smoothed.low if self.points_after else 0.0

    @property
    def relative_rise(self) -> float:
        """The rise relative to the best validation loss, or to the fall where losses reach 0."""
        low = self.smoothed.low
        return self.rise / (low if self.lowest > 0 else max(self.fall, 1e-300))

    @property
    def points_after(self) -> int:
        """Number of points after the best."""
        return len(self.validation) - 1 - self.smoothed.best

    @cached_property
    def onset(self) -> int:
        """Index in the curve from which validation loss rises: the index of its lowest value.

        A lone dip, around which losses are higher by more than half the rise, is ignored; the
        onset is then the lowest value near the lowest average.
        """
        losses = self._without_repeats(self.curve.validation)
        scale = len(losses) / len(self.validation)
        lowest = int(np.argmin(losses))
        around = self.smoothed.values[min(int(lowest / scale), len(self.smoothed.values) - 1)]
        if around <= self.smoothed.low + self.rise / 2:
            return lowest
        reach = self.smoothed.width // 2 + 1
        first = max(0, int((self.smoothed.best - reach) * scale))
        last = int((self.smoothed.best + 1 + reach) * scale) + 1
        return first + int(np.argmin(losses[first:last]))

    @cached_property
    def train_levels(self) -> tuple[float, float]:
        """Levels of the train loss around the best validation loss and at the end."""
        near, last = self._train_parts
        return float(near.sum() / len(near)), float(median(last))

    @cached_property
    def _train_parts(self) -> tuple[FloatArray, FloatArray]:
        size, best = len(self.train), self.smoothed.best
        half = max(self.smoothed.width // 2, round(LAST_LEVEL_SHARE * size / 2))
        near = self.train[max(0, best - half) : best + half + 1]
        return near, self.train[-_at_end(self.train, LAST_LEVEL_SHARE) :]

    @property
    def train_fall(self) -> float:
        """Fall of the train loss from its first value."""
        return float(self.curve.train[0]) - min(self.train_levels[1], float(self.train.min()))

    @property
    def train_rises(self) -> bool:
        """Return whether train loss ends above its level at the best epoch, beyond its noise."""
        (before, after), (near, last) = self.train_levels, self._train_parts
        error = self.train_noise * sqrt(1 / len(near) + 1 / len(last))
        return after - before > max(STEADY_TRAIN_RISE * self.train_fall, CERTAIN_ERRORS * error)


def _thinned(values: FloatArray) -> FloatArray:
    """Return the medians of equal blocks of a curve of twice `BLOCKS` points or more."""
    size = len(values) // BLOCKS
    if size < 2:
        return values
    rest = len(values) % size
    whole = median(values[rest:].reshape(-1, size))
    return whole if not rest else np.concatenate([[median(values[:rest])], whole])


def median(values: FloatArray) -> FloatArray:
    """Return the median of finite numbers over the last axis, several times as fast as numpy."""
    ordered, half = values.copy(), values.shape[-1] // 2
    ordered.sort()
    if values.shape[-1] % 2:
        return ordered[..., half]
    return (ordered[..., half - 1] + ordered[..., half]) / 2


def _noise(values: FloatArray) -> float:
    """Estimate noise from second or third differences, which are near 0 for a smooth trend."""
    if len(values) < MIN_NOISE_POINTS:
        return 0.0
    second = values[:-2] - 2 * values[1:-1] + values[2:]
    third = second[1:] - second[:-1]
    # Differences of white noise have 6 and 20 times its variance: sums of squared binomials.
    estimates = (median(np.abs(second)) / sqrt(6), median(np.abs(third)) / sqrt(20))
    return NORMAL_MAD * float(min(estimates))


def _at_end(values: FloatArray, share: float) -> int:
    """Return the number of points at the end that form the last level."""
    return min(max(LAST_LEVEL_POINTS, round(share * len(values))), max(1, len(values) // 2))


def _smoothed(values: FloatArray, share: float, noise: float) -> Smoothed:
    n = len(values)
    width = 1 if n < SHORT_CURVE_POINTS else 2 * round(share * n / 2) + 1
    smooth = values if n < SHORT_CURVE_POINTS else _without_spikes(values)
    averaged = _averaged(smooth, width)
    last = _at_end(values, max(share, LAST_LEVEL_SHARE))
    best = int(np.argmin(averaged))
    end = float(median(values[-last:]) if n < SHORT_CURVE_POINTS else smooth[-last:].sum() / last)
    error = noise * sqrt(1 / last + 1 / width)
    return Smoothed(averaged, width, best, float(averaged[best]), end, error)


def _without_spikes(values: FloatArray) -> FloatArray:
    """Return the running median of three."""
    if len(values) < 3:
        return values
    low, high = np.minimum(values[:-1], values[1:]), np.maximum(values[:-1], values[1:])
    inner = np.maximum(low[:-1], np.minimum(high[:-1], values[2:]))
    return np.concatenate([[inner[0]], inner, [inner[-1]]])


def _averaged(values: FloatArray, width: int) -> FloatArray:
    """Return the running mean over `width` points, the curve mirrored at its ends."""
    if width == 1:
        return values
    half = width // 2
    padded = np.concatenate([values[half:0:-1], values, values[-2 : -half - 2 : -1]])
    sums = np.cumsum(np.concatenate([[0.0], padded]))
    means = (sums[width:] - sums[:-width]) / width
    # the differences lose small values next to sums that are 16 orders of magnitude larger
    return np.asarray(np.clip(means, values.min(), values.max()))

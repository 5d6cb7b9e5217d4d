"""Measurements of a curve: levels, rise, gap and noise, robust to noise and to sampling."""

from dataclasses import dataclass
from functools import cached_property
from math import log, sqrt

import numpy as np

from backend.diagnosis.curve import Curve
from backend.diagnosis.thresholds import (
    CERTAIN_ERRORS,
    RISE_OF_BEST,
    RISE_OF_SPAN,
    SHORT_ERRORS,
    STEADY_TRAIN,
)
from backend.series import FloatArray

# A curve of at least twice this many points is reduced to medians of as many equal blocks, so that
# the number of points recorded matters little.
BLOCKS = 240
# Shares of the curve to average over, tried in order until noise hides no rise that counts.
AVERAGED_SHARES = (0.0, 0.02, 0.05, 0.1, 0.2)
LAST_SHARE, LAST_POINTS = 0.05, 3  # the last level averages at least these
FEW_POINTS = 10  # with fewer points, the first loss is not compared
OUTLYING_START = 10  # times the median of the first three: a larger first loss is out of proportion
SHORT_CURVE_POINTS = 20  # with fewer points, each point is judged by itself
MIN_NOISE_POINTS = 5  # with fewer points, noise cannot be estimated
NORMAL_MAD = 1.4826  # standard deviation of a normal variable over its median absolute deviation
IN_ORDER_DEVIATIONS = 2.0  # standard deviations of Kendall's S above 0 that count as in order


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
    """Measurements of a curve. `reference_loss` is the validation loss of a constant answer.

    `accuracies` are train and validation accuracy at the end, as shares.
    """

    curve: Curve
    reference_loss: float | None = None
    accuracies: tuple[float, float] | None = None

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
        noise = self._noise_of(smoothed)
        return noise < counts or rise > max(counts, 1.5 * noise)

    def _noise_of(self, smoothed: Smoothed) -> float:
        """Return the rise that noise hardly makes: the lowest of many levels is low by chance."""
        levels = max(1.0, len(self.validation) / smoothed.width)
        return (CERTAIN_ERRORS + sqrt(2 * log(levels))) * smoothed.error

    def _threshold(self, smoothed: Smoothed) -> float:
        seen = RISE_OF_SPAN * self._span_above(smoothed.low)
        return max(RISE_OF_BEST * smoothed.low, seen) if self.lowest > 0 else seen

    def _span_above(self, low: float) -> float:
        highest = max(_early(self.validation), _early(self.train))
        return max(highest - min(low, self.train_end), 0.0)

    @cached_property
    def span(self) -> float:
        """Span of both losses as a chart shows it: from where they begin to where they are low."""
        return self._span_above(self.smoothed.low)

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
        """The rise relative to the best validation loss, or to the span where losses reach 0."""
        low = self.smoothed.low
        return self.rise / (low if self.lowest > 0 else max(self.span, 1e-300))

    @property
    def gap(self) -> float:
        """Validation loss above train loss at the end."""
        train, validation = self.last_levels
        return validation - train

    @cached_property
    def last_levels(self) -> tuple[float, float]:
        """Train and validation loss at the end; of a short curve, the mean of the last two."""
        if len(self.validation) >= SHORT_CURVE_POINTS:
            return self.train_end, self.smoothed.end
        return float(self.train[-2:].mean()), float(self.validation[-2:].mean())

    @property
    def points_after(self) -> int:
        """Number of points after the best."""
        return len(self.validation) - 1 - self.smoothed.best

    @property
    def least_points_after(self) -> int:
        """Points after the best that a rise needs: fewer show no trend."""
        return max(1, min(3, len(self.validation) // 3))

    @cached_property
    def noise_of_rise(self) -> float:
        """The rise that noise hardly makes."""
        if len(self.validation) >= SHORT_CURVE_POINTS:
            return self._noise_of(self.smoothed)
        in_order = kendall(self.validation[self.smoothed.best :]) >= IN_ORDER_DEVIATIONS
        return SHORT_ERRORS * self.smoothed.error / (2 if in_order else 1)

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
    def train_end(self) -> float:
        """Level of the train loss at the end."""
        return float(median(self.train[-_at_end(self.train, LAST_SHARE) :]))

    @cached_property
    def train_near_best(self) -> FloatArray:
        """Train loss around the best validation loss [k]."""
        size, best = len(self.train), self.smoothed.best
        half = max(self.smoothed.width // 2, round(LAST_SHARE * size / 2))
        return self.train[max(0, best - half) : best + half + 1]

    @property
    def train_fall(self) -> float:
        """Fall of the train loss from its first value."""
        return float(self.curve.train[0]) - min(self.train_end, float(self.train.min()))

    @property
    def train_rises(self) -> bool:
        """Return whether train loss ends above its level at the best epoch, beyond its noise."""
        near, last = self.train_near_best, _at_end(self.train, LAST_SHARE)
        errors = 3 if len(self.train) >= SHORT_CURVE_POINTS else 1
        error = errors * self.train_noise * sqrt(1 / len(near) + 1 / last)
        change = self.train_end - float(near.sum() / len(near))
        return change > max(STEADY_TRAIN * self.train_fall, error)


def fitted_line(values: FloatArray, noise: float) -> tuple[float, float]:
    """Return the least-squares slope per point of values [n], and its standard error."""
    x = np.arange(len(values)) - (len(values) - 1) / 2  # [n]
    weight = max(float(x @ x), 1e-300)
    return float(x @ values) / weight, noise / sqrt(weight)


def kendall(values: FloatArray) -> float:
    """Return Kendall's S of values [n] against their order, in standard deviations (Mann 1945)."""
    n = len(values)
    if n < 2:
        return 0.0
    s = float(np.triu(np.sign(values[None, :] - values[:, None])).sum())
    return s / sqrt(n * (n - 1) * (2 * n + 5) / 18)


def median(values: FloatArray) -> FloatArray:
    """Return the median of finite numbers over the last axis, several times as fast as numpy."""
    ordered, half = values.copy(), values.shape[-1] // 2
    ordered.sort()
    if values.shape[-1] % 2:
        return ordered[..., half]
    return (ordered[..., half - 1] + ordered[..., half]) / 2


def _thinned(values: FloatArray) -> FloatArray:
    """Return the medians of equal blocks of a curve of twice `BLOCKS` points or more."""
    size = len(values) // BLOCKS
    if size < 2:
        return values
    rest = len(values) % size
    whole = median(values[rest:].reshape(-1, size))
    return whole if not rest else np.concatenate([[median(values[:rest])], whole])


def _early(values: FloatArray) -> float:
    """Return the first value, unless it is out of all proportion to those after it."""
    first = float(values[0])
    usual = float(median(values[:3])) if len(values) >= FEW_POINTS else first
    return min(first, OUTLYING_START * usual) if usual > 0 else first


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
    return min(max(LAST_POINTS, round(share * len(values))), max(1, len(values) // 2))


def _smoothed(values: FloatArray, share: float, noise: float) -> Smoothed:
    n = len(values)
    width = 1 if n < SHORT_CURVE_POINTS else 2 * round(share * n / 2) + 1
    smooth = values if n < SHORT_CURVE_POINTS else _without_spikes(values)
    averaged = _averaged(smooth, width)
    last = _at_end(values, max(share, LAST_SHARE))
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

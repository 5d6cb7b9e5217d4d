"""The shape of a curve: levels, rise and noise, read so that noise and sampling matter little."""

from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import Any

import numpy as np

from backend.diagnosis.curve import Array, Curve

BINS = 240  # a longer curve is read as the medians of so many stretches, up to twice as many
SHARES = (0.0, 0.02, 0.05, 0.1, 0.2)  # of the curve averaged: more where noise asks for it
AT_END = 0.05  # of the curve that is taken together for the last level, at least
FEW = 10  # points: below, the first is taken as it is
SHORT = 20  # points: below, each is looked at by itself
AVERAGED = 3  # points at the end, at least
RISE = 0.05  # of the best validation loss: what counts as risen
SMALLEST_RISE = 0.01  # of the total fall: below it, a relative rise near loss 0 means nothing
CERTAIN = 3.3  # standard errors that a rise must exceed
BARELY = 0.02  # of a loss: a change that small is none
STEADY = 0.15  # of its fall: train loss that rises less stays where it is
CLEAR = 6.0  # standard errors: a rise beyond needs no other evidence
MIN_DIFFERENCES = 5  # points: fewer tell nothing about noise
NORMAL_MAD = 1.4826  # standard deviation of a normal variable over its median absolute deviation


@dataclass(frozen=True)
class Reading:
    """One curve [n] averaged over `width` points. Lowest level, its place, and the last level."""

    values: Array
    width: int
    best: int
    low: float
    end: float
    error: float  # standard error of end - low


@dataclass(frozen=True)
class Shape:
    """A curve as the rules see it; `reference_loss` is that of always giving the same answer."""

    curve: Curve
    reference_loss: float | None = None

    @property
    def unit(self) -> str:
        """What a step of the curve is, in words."""
        return self.curve.unit

    @cached_property
    def validation(self) -> Array:
        """Validation loss, thinned [m]."""
        return _thinned(self._kept(self.curve.validation))

    @cached_property
    def train(self) -> Array:
        """Train loss, thinned [m]."""
        return _thinned(self._kept(self.curve.train))

    def _kept(self, values: Array) -> Array:
        return values[: len(values) - self.repeated]

    @cached_property
    def repeated(self) -> int:
        """Rows at the end that repeat the best row: what some loggers add, no recovery."""
        train, validation, best = self.curve.train, self.curve.validation, self.curve.best
        same = (validation == validation[best]) & (train == train[best])
        last = len(same) - 1
        while last > best and same[last]:
            last -= 1
        return len(same) - 1 - last if last > best else 0

    @cached_property
    def noise(self) -> float:
        """Standard deviation of the validation loss around its own course."""
        return _noise(self.validation)

    @cached_property
    def train_noise(self) -> float:
        """Standard deviation of the train loss around its own course."""
        return _noise(self.train)

    @cached_property
    def reading(self) -> Reading:
        """Validation loss, averaged no more than its noise asks for."""
        for share in SHARES:
            found = _read(self.validation, share, self.noise)
            if len(self.validation) < SHORT or self._resolves(found):
                break
        return found

    def _resolves(self, found: Reading) -> bool:
        """Whether noise hides no rise that counts, or the rise is far beyond it."""
        counts, rise = self._threshold(found), found.end - found.low
        return CERTAIN * found.error < counts or rise > max(counts, CLEAR * found.error)

    def _threshold(self, found: Reading) -> float:
        fall = max(self._early - found.low, 0.0)
        relative = RISE * (found.low if self.lowest > 0 else fall)
        return max(relative, SMALLEST_RISE * fall)

    @cached_property
    def _early(self) -> float:
        """Validation loss at first, which may be out of all proportion at the first point alone."""
        if len(self.validation) < FEW:
            return self.start
        return min(self.start, float(middle(self.validation[:3])))

    @cached_property
    def lowest(self) -> float:
        """The lowest validation loss, thinned."""
        return float(self.validation.min())

    @cached_property
    def start(self) -> float:
        """Validation loss before training: the first one, or that of the constant answer."""
        return max(float(self.curve.validation[0]), self.reference_loss or -np.inf)

    @property
    def last(self) -> float:
        """Validation loss at the end, as recorded, before rows that repeat the best."""
        return float(self._kept(self.curve.validation)[-1])

    @property
    def last_train(self) -> float:
        """Train loss there."""
        return float(self._kept(self.curve.train)[-1])

    @cached_property
    def threshold(self) -> float:
        """Rise that counts, in units of the loss."""
        return self._threshold(self.reading)

    @property
    def fall(self) -> float:
        """How far validation loss has fallen, at its best."""
        return self.start - self.reading.low

    @property
    def rise(self) -> float:
        """How far validation loss has risen since its best."""
        return self.reading.end - self.reading.low if self.points_after else 0.0

    @property
    def relative_rise(self) -> float:
        """The rise over the best validation loss; over the fall where losses reach 0."""
        low = self.reading.low
        return self.rise / (low if self.lowest > 0 else max(self.fall, 1e-300))

    @property
    def points_after(self) -> int:
        """Points after the best."""
        return len(self.validation) - 1 - self.reading.best

    @cached_property
    def onset(self) -> int:
        """Index in the curve from which validation loss rises: its lowest.

        A lone dip, around which losses are more than half the rise higher, is passed over: then it
        is the lowest near the lowest average.
        """
        kept = self._kept(self.curve.validation)
        scale = len(kept) / len(self.validation)
        lowest = int(np.argmin(kept))
        around = self.reading.values[min(int(lowest / scale), len(self.reading.values) - 1)]
        if around <= self.reading.low + self.rise / 2:
            return lowest
        reach = self.reading.width // 2 + 1
        first = max(0, int((self.reading.best - reach) * scale))
        last = int((self.reading.best + 1 + reach) * scale) + 1
        return first + int(np.argmin(kept[first:last]))

    @cached_property
    def train_levels(self) -> tuple[float, float]:
        """Train loss around the best validation loss, and at the end."""
        near, last = self._train_parts
        return float(near.sum() / len(near)), float(middle(last))

    @cached_property
    def _train_parts(self) -> tuple[Array, Array]:
        size, best = len(self.train), self.reading.best
        half = max(self.reading.width // 2, round(AT_END * size / 2))
        near = self.train[max(0, best - half) : best + half + 1]
        return near, self.train[-_at_end(self.train, AT_END) :]

    @property
    def train_fall(self) -> float:
        """How far train loss has fallen from its first value."""
        return float(self.curve.train[0]) - min(self.train_levels[1], float(self.train.min()))

    @property
    def train_rises(self) -> bool:
        """Whether train loss at the end is above that at the best epoch, beyond its noise."""
        (before, after), (near, last) = self.train_levels, self._train_parts
        error = self.train_noise * sqrt(1 / len(near) + 1 / len(last))
        return after - before > max(STEADY * self.train_fall, CERTAIN * error)


def _thinned(values: Array) -> Array:
    """Return the medians of equally long stretches, of a curve longer than twice `BINS`."""
    size = len(values) // BINS
    if size < 2:
        return values
    rest = len(values) % size
    whole = middle(values[rest:].reshape(-1, size))
    return whole if not rest else np.concatenate([[middle(values[:rest])], whole])


def middle(values: Array) -> Any:
    """Return the median over the last axis; of finite numbers, several times as fast as numpy's."""
    ordered, half = values.copy(), values.shape[-1] // 2
    ordered.sort()
    if values.shape[-1] % 2:
        return ordered[..., half]
    return (ordered[..., half - 1] + ordered[..., half]) / 2


def _noise(values: Array) -> float:
    """Estimate noise from second or third differences, which a smooth course leaves near 0."""
    if len(values) < MIN_DIFFERENCES:
        return 0.0
    second = values[:-2] - 2 * values[1:-1] + values[2:]
    third = second[1:] - second[:-1]
    # sums of squares of the binomials: white noise of deviation 1 has 6 and 20
    found = (middle(np.abs(second)) / sqrt(6), middle(np.abs(third)) / sqrt(20))
    return NORMAL_MAD * float(min(found))


def _at_end(values: Array, share: float) -> int:
    return min(max(AVERAGED, round(share * len(values))), max(1, len(values) // 2))


def _read(values: Array, share: float, noise: float) -> Reading:
    n = len(values)
    width = 1 if n < SHORT else 2 * round(share * n / 2) + 1
    smooth = values if n < SHORT else _without_spikes(values)
    averaged = _averaged(smooth, width)
    last = _at_end(values, max(share, AT_END))
    best = int(np.argmin(averaged))
    end = float(middle(values[-last:]) if n < SHORT else smooth[-last:].sum() / last)
    error = noise * sqrt(1 / last + 1 / width)
    return Reading(averaged, width, best, float(averaged[best]), end, error)


def _without_spikes(values: Array) -> Array:
    """Return the running median of three."""
    if len(values) < 3:
        return values
    low, high = np.minimum(values[:-1], values[1:]), np.maximum(values[:-1], values[1:])
    inner = np.maximum(low[:-1], np.minimum(high[:-1], values[2:]))
    return np.concatenate([[inner[0]], inner, [inner[-1]]])


def _averaged(values: Array, width: int) -> Array:
    """Return the running mean, the curve mirrored at its ends."""
    if width == 1:
        return values
    half = width // 2
    padded = np.concatenate([values[half:0:-1], values, values[-2 : -half - 2 : -1]])
    sums = np.cumsum(np.concatenate([[0.0], padded]))
    return np.asarray((sums[width:] - sums[:-width]) / width)

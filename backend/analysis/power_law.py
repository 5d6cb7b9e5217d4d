"""The power law a n^-b + c of a learning curve: fitted, extrapolated with an interval, inverted.

Hestness et al. (2017), "Deep Learning Scaling is Predictable, Empirically": loss falls as a power
of the number of samples towards an irreducible rest. For a given b the law is linear in a and c, so
the fit searches b alone, with exact weighted least squares at each: no start, no local minimum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MIN_POINTS = 4  # one more than the law has parameters
STEEPEST = 4.0
EXPONENTS = np.geomspace(0.02, STEEPEST, 160)  # b: below it is flat, above it is a step
_NEAR = np.geomspace(0.97, 1.03, 13)  # about the best of them
SAMPLES = 400  # of the bootstrap
LEVEL = 0.95
# Spread of the exponent beyond the measured sizes, for losses below and above the law: without it
# intervals hold 60 % of the public curves of docs/analysis.md, with it 92 %.
DRIFT = (0.1, 0.03)
FAR = 1000.0  # times the largest n measured: beyond it nothing is said

_TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)


@dataclass(frozen=True)
class Estimate:
    """A value and its interval; None where it lies beyond what can be said."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class PowerLaw:
    """The law fitted to losses at sizes up to `largest`.

    `scatter` is the relative deviation of the points from it. `drawn` [SAMPLES, 3] holds a, b, c of
    bootstrap fits, `drift` [SAMPLES] how each one's exponent changes beyond `largest`.
    """

    a: float
    b: float
    c: float
    largest: float
    scatter: float
    drawn: Array
    drift: Array

    def __call__(self, n: float) -> float:
        """Return the loss at n samples."""
        return float(self.a * n**-self.b + self.c)

    @property
    def floor(self) -> Estimate:
        """The loss that no number of samples gets under, c, with its interval."""
        low, high = np.quantile(self.drawn[:, 2], _TAILS)
        return Estimate(self.c, min(float(low), self.c), max(float(high), self.c))

    @property
    def is_step(self) -> bool:
        """Whether loss falls faster than any power that is tried: a step, and no law."""
        return bool(self.b >= STEEPEST)

    def at(self, n: float) -> Estimate:
        """Return the loss at n samples with its interval."""
        return self.along(np.array([n]))[0]

    def along(self, n: Array) -> list[Estimate]:
        """Return the losses at sizes n [m] with their intervals."""
        bounds = np.quantile(self._sampled(n), _TAILS, axis=0).T
        losses = [self(float(size)) for size in n]
        return [
            Estimate(loss, min(float(low), loss), max(float(high), loss))
            for loss, (low, high) in zip(losses, bounds, strict=True)
        ]

    def samples_for(self, loss: float) -> Estimate:
        """Return how many samples bring the loss down to `loss`, with the interval.

        A value is None where it is more than FAR times the largest n measured, or never comes.
        """
        sizes, table = self._table
        arrived = table <= loss  # [1 + SAMPLES, sizes]
        first = np.where(arrived.any(axis=1), arrived.argmax(axis=1), len(sizes))
        low, high = np.quantile(first[1:], _TAILS, method="nearest")
        return Estimate(
            *(float(sizes[i]) if i < len(sizes) else None for i in (first[0], low, high))
        )

    @cached_property
    def _table(self) -> tuple[Array, Array]:
        """Losses of the law and of each bootstrap fit over a fine range of sizes."""
        sizes = np.geomspace(1, FAR * self.largest, 400)
        law = self.a * sizes**-self.b + self.c
        return sizes, np.vstack([law, self._sampled(sizes)])

    def _sampled(self, n: Array) -> Array:
        a, b, c = self.drawn.T[:, :, None]
        beyond = np.maximum(n / self.largest, 1.0)
        return np.asarray((a * n**-b + c) * beyond ** self.drift[:, None])


def fit(
    n: Sequence[float], losses: Sequence[float], errors: Sequence[float | None] | None = None
) -> PowerLaw:
    """Fit the law to positive losses [m] at sizes n [m], m at least MIN_POINTS, n ascending.

    Residuals are relative to the loss. `errors` [m] are standard errors of the losses over seeds.
    The interval is a parametric bootstrap: each loss is drawn anew about the fit, with the larger
    of its own standard error and the points' scatter about the law, and the law fitted again.
    """
    sizes, values = np.asarray(n, float), np.asarray(losses, float)
    a, b, c = _fit_all(sizes, values[None])[0]
    fitted = a * sizes**-b + c
    freedom = max(1, len(sizes) - 3)
    scatter = float(np.sqrt(np.sum((values / fitted - 1) ** 2) / freedom))
    own = np.array([error or 0.0 for error in errors or [None] * len(sizes)])
    random = np.random.default_rng(0)
    noise = random.standard_t(freedom + 2, size=(SAMPLES, len(sizes)))
    drawn = fitted * (1 + np.maximum(own / values, scatter) * noise)
    refits = _fit_all(sizes, np.maximum(drawn, 1e-3 * fitted))
    drift = random.standard_t(3, size=SAMPLES)
    drift *= np.where(drift < 0, *DRIFT)
    return PowerLaw(float(a), float(b), float(c), float(sizes[-1]), scatter, refits, drift)


def _fit_all(n: Array, losses: Array) -> Array:
    """Fit the law to many rows of losses [k, m] at once; return a, b, c of each [k, 3]."""
    coarse = _best(n, losses, EXPONENTS[None])
    return _best(n, losses, coarse[:, 1:2] * _NEAR)


def _best(n: Array, losses: Array, exponents: Array) -> Array:
    """Return a, b, c [k, 3] of the best of each row's exponents [k or 1, exponents]."""
    basis = (n / n[0]) ** -exponents[:, :, None]  # [k or 1, exponents, m]
    weights = 1 / losses[:, None] ** 2  # [k, 1, m]: residuals relative to the loss
    total, s_y = weights.sum(axis=2), (1 / losses).sum(axis=1)[:, None]
    s_x, s_xx = (weights * basis).sum(axis=2), (weights * basis**2).sum(axis=2)
    s_xy = (basis / losses[:, None]).sum(axis=2)
    a = (total * s_xy - s_x * s_y) / np.maximum(total * s_xx - s_x**2, 1e-300)
    c = (s_y - a * s_x) / total
    below_zero, rises = c < 0, a < 0  # a loss has no negative floor; more data do no harm
    a = np.where(below_zero, s_xy / s_xx, np.where(rises, 0.0, a))
    c = np.where(below_zero, 0.0, np.where(rises, s_y / total, c))
    error = len(n) - 2 * (a * s_xy + c * s_y) + a**2 * s_xx + 2 * a * c * s_x + c**2 * total
    rows, best = np.arange(len(losses)), error.argmin(axis=1)
    b = np.broadcast_to(exponents, error.shape)[rows, best]
    return np.stack([a[rows, best] * n[0] ** b, b, c[rows, best]], axis=1)

"""The power law a n^-b + c of a learning curve: fit, extrapolation with an interval, inversion.

Hestness et al. (2017), "Deep Learning Scaling is Predictable, Empirically": loss falls as a power
of the number of samples towards an irreducible rest. For a given b the law is linear in a and c.
The fit therefore searches b alone, with exact weighted least squares for each: it needs no starting
point and has no local minimum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from backend import work_budget
from backend.series import FloatArray

MIN_POINTS = 4  # one more than the law has parameters
STEEPEST_EXPONENT = 4.0  # a law as steep as that is a step
EXPONENTS = np.geomspace(0.02, STEEPEST_EXPONENT, 160)  # tried first; the lowest is flat
_FINER = np.geomspace(0.97, 1.03, 13)  # factors around the best exponent, tried next
BOOTSTRAP_SAMPLES = 400
LEVEL = 0.95
# Spread of the exponent beyond the measured sizes, for losses below and above the law. Without it,
# intervals contain 60 % of the public curves of docs/analysis.md; with it, 92 %.
EXPONENT_DRIFT = (0.1, 0.03)
MAX_FORECAST_FACTOR = 1000.0  # times the largest size measured: no forecast beyond

_TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)


@dataclass(frozen=True)
class LawEstimate:
    """A value and its interval; None where it is too far away to be estimated."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class PowerLaw:
    """The law fitted to losses at sizes up to `largest`.

    `scatter` is the relative deviation of the points from the law. `drawn` [samples, 3] holds a, b,
    c of bootstrap fits, and `drift` [samples] how the exponent of each changes beyond `largest`.
    """

    a: float
    b: float
    c: float
    largest: float
    scatter: float
    drawn: FloatArray
    drift: FloatArray

    def __call__(self, n: float) -> float:
        """Return the loss at n samples."""
        return float(self.a * n**-self.b + self.c)

    @property
    def floor(self) -> LawEstimate:
        """The loss c that no number of samples gets below, with its interval."""
        low, high = np.quantile(self.drawn[:, 2], _TAILS)
        return LawEstimate(self.c, min(float(low), self.c), max(float(high), self.c))

    @property
    def is_step(self) -> bool:
        """Return whether loss falls faster than any exponent tried: a step and not a law."""
        return bool(self.b >= STEEPEST_EXPONENT)

    def at(self, n: float) -> LawEstimate:
        """Return the loss at n samples with its interval."""
        return self.along(np.array([n]))[0]

    def along(self, n: FloatArray) -> list[LawEstimate]:
        """Return the losses at sizes n [m] with their intervals."""
        bounds = np.quantile(self._sampled(n), _TAILS, axis=0).T
        losses = [self(float(size)) for size in n]
        return [
            LawEstimate(loss, min(float(low), loss), max(float(high), loss))
            for loss, (low, high) in zip(losses, bounds, strict=True)
        ]

    def samples_for(self, loss: float) -> LawEstimate:
        """Return how many samples are needed for a loss, with the interval.

        A value is None if the law never reaches the loss, or only beyond MAX_FORECAST_FACTOR.
        """
        sizes, table = self._table
        arrived = table <= loss  # [1 + samples, sizes]
        first = np.where(arrived.any(axis=1), arrived.argmax(axis=1), len(sizes))
        low, high = np.quantile(first[1:], _TAILS, method="nearest")
        return LawEstimate(
            *(float(sizes[i]) if i < len(sizes) else None for i in (first[0], low, high))
        )

    @cached_property
    def _table(self) -> tuple[FloatArray, FloatArray]:
        """Losses of the law and of each bootstrap fit over a fine range of sizes."""
        sizes = np.geomspace(1, MAX_FORECAST_FACTOR * self.largest, 400)
        law = self.a * sizes**-self.b + self.c
        return sizes, np.vstack([law, self._sampled(sizes)])

    def _sampled(self, n: FloatArray) -> FloatArray:
        a, b, c = self.drawn.T[:, :, None]
        beyond = np.maximum(n / self.largest, 1.0)
        return np.asarray((a * n**-b + c) * beyond ** self.drift[:, None])


def fit(
    n: Sequence[float], losses: Sequence[float], errors: Sequence[float | None] | None = None
) -> PowerLaw:
    """Fit the law to positive losses [m] at sizes n [m], m at least MIN_POINTS, n ascending.

    Residuals are relative to the loss. `errors` [m] are standard errors of the losses over seeds.
    The intervals come from a parametric bootstrap: losses are drawn around the fit, with the larger
    of their own standard error and the scatter of the points, and the law is fitted to them again.
    """
    sizes, values = np.asarray(n, float), np.asarray(losses, float)
    a, b, c = _fit_all(sizes, values[None])[0]
    fitted = a * sizes**-b + c
    freedom = max(1, len(sizes) - 3)
    scatter = float(np.sqrt(np.sum((values / fitted - 1) ** 2) / freedom))
    own = np.array([error or 0.0 for error in errors or [None] * len(sizes)])
    random = np.random.default_rng(0)
    noise = random.standard_t(freedom + 2, size=(BOOTSTRAP_SAMPLES, len(sizes)))
    drawn = fitted * (1 + np.maximum(own / values, scatter) * noise)
    refits = _fit_all(sizes, np.maximum(drawn, 1e-3 * fitted))
    drift = random.standard_t(3, size=BOOTSTRAP_SAMPLES)
    drift *= np.where(drift < 0, *EXPONENT_DRIFT)
    return PowerLaw(float(a), float(b), float(c), float(sizes[-1]), scatter, refits, drift)


def _fit_all(n: FloatArray, losses: FloatArray) -> FloatArray:
    """Fit the law to many rows of losses [k, m] at once; return a, b, c of each [k, 3]."""
    work_budget.check()
    coarse = _best(n, losses, EXPONENTS[None])
    return _best(n, losses, coarse[:, 1:2] * _FINER)


def _best(n: FloatArray, losses: FloatArray, exponents: FloatArray) -> FloatArray:
    """Return a, b, c [k, 3] of the best of each row's exponents [k or 1, exponents]."""
    basis = (n / n[0]) ** -exponents[:, :, None]  # [k or 1, exponents, m]
    weights = 1 / losses[:, None] ** 2  # [k, 1, m]: residuals relative to the loss
    total, s_y = weights.sum(axis=2), (1 / losses).sum(axis=1)[:, None]
    s_x, s_xx = (weights * basis).sum(axis=2), (weights * basis**2).sum(axis=2)
    s_xy = (basis / losses[:, None]).sum(axis=2)
    a = (total * s_xy - s_x * s_y) / np.maximum(total * s_xx - s_x**2, 1e-300)
    c = (s_y - a * s_x) / total
    below_zero, rises = c < 0, a < 0  # a loss has no negative floor, and more data do no harm
    a = np.where(below_zero, s_xy / s_xx, np.where(rises, 0.0, a))
    c = np.where(below_zero, 0.0, np.where(rises, s_y / total, c))
    error = len(n) - 2 * (a * s_xy + c * s_y) + a**2 * s_xx + 2 * a * c * s_x + c**2 * total
    rows, best = np.arange(len(losses)), error.argmin(axis=1)
    b = np.broadcast_to(exponents, error.shape)[rows, best]
    return np.stack([a[rows, best] * n[0] ** b, b, c[rows, best]], axis=1)

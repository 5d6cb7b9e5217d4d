"""Fits of the surface of Bryant and Liu, and of Kaplan's form, to losses over N, D and T."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from backend import work_budget
from backend.series import FloatArray

STARTS = 4  # of the least-squares fit, the first at the centre, the others random


@dataclass(frozen=True)
class SurfacePoint:
    """The mean loss of a cell within a training time: parameters, samples, steps, loss."""

    n: float
    d: float
    t: float
    loss: float


@dataclass(frozen=True)
class FittedSurface:
    """A fitted surface.

    `x` [9] holds E, log (L0 - E), log a, alpha, log b, beta, log c, gamma, delta. `scale` [3] holds
    the geometric means of N, D and T, which are divided by them: numbers near 1 fit more easily.
    """

    x: FloatArray
    scale: FloatArray

    @property
    def floor(self) -> float:
        """The loss E that the surface approaches."""
        return float(self.x[0])

    def terms(self, points: Sequence[SurfacePoint]) -> FloatArray:
        """Return under-capacity, under-training and overfitting [3, points]."""
        return _terms(self.x, _sizes(points, self.scale))

    def losses(self, points: Sequence[SurfacePoint]) -> FloatArray:
        """Return the fitted losses [points]."""
        return np.exp(surface_model(self.x, _sizes(points, self.scale))[0])


def _sizes(points: Sequence[SurfacePoint], scale: FloatArray) -> FloatArray:
    """Return log N, D and T relative to the scale [3, points]."""
    return np.asarray(np.log(_columns(points)[:3] / scale[:, None]))


def _columns(points: Sequence[SurfacePoint]) -> FloatArray:
    return np.array([[p.n, p.d, p.t, p.loss] for p in points]).T


def _terms(x: FloatArray, sizes: FloatArray) -> FloatArray:
    n, d, t = sizes
    log_a, alpha, log_b, beta, log_c, gamma, delta = x[2:]
    exponents = [log_a - alpha * n, log_b - beta * t, log_c + gamma * n - delta * d]
    return np.asarray(np.exp(np.clip(exponents, -60, 60)))


def surface_model(x: FloatArray, sizes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the logarithm of the loss [points] and its derivatives [points, 9]."""
    n, d, t = sizes
    capacity, training, overfitting = terms = _terms(x, sizes)
    h = terms.sum(axis=0)
    span = np.exp(x[1])
    loss = x[0] + span * h / (1 + h)
    by_h = span / (1 + h) ** 2
    terms_by_x = np.array([
        capacity, -capacity * n, training, -training * t,
        overfitting, overfitting * n, -overfitting * d,
    ])  # fmt: skip
    by_x = np.vstack([np.ones_like(h), span * h / (1 + h), by_h * terms_by_x])
    return np.log(loss), (by_x / loss).T


def kaplan_model(x: FloatArray, sizes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return log loss and derivatives of Kaplan's form; x [4] holds log Nc, log Dc, aN and aD."""
    log_nc, log_dc, alpha_n, alpha_d = x
    ratio = alpha_n / alpha_d
    parts = np.clip([ratio * (log_nc - sizes[0]), log_dc - sizes[1]], -60, 60)
    inner = np.exp(parts).sum(axis=0)
    of_n, of_d = np.exp(parts) / inner
    by_n = of_n * (log_nc - sizes[0])
    by_x = [of_n * alpha_n, of_d * alpha_d, by_n, np.log(inner) - ratio * by_n]
    return alpha_d * np.log(inner), np.array(by_x).T


def fit_surface(points: Sequence[SurfacePoint]) -> FittedSurface:
    """Fit the surface by least squares of the logarithm of the loss."""
    fitted = _weighted(points)
    columns = _columns(fitted)
    scale = np.exp(np.log(columns[:3]).mean(axis=1))
    low, high = columns[3].min(), columns[3].max()
    #         E    log L0-E          log a alpha log b beta log c gamma delta
    lower = [0.0, np.log(high) - 3, -12.0, 0.0, -12.0, 0.0, -12.0, 0.0, 0.0]
    upper = [low, np.log(high) + 3, 8.0, 4.0, 8.0, 4.0, 8.0, 4.0, 4.0]
    center = [0.5 * low, np.log(high) + 0.2, -1.0, 0.7, -1.0, 0.7, -1.0, 0.3, 0.7]
    width = [0.3 * low, 0.3, 1.0, 0.4, 1.0, 0.4, 1.0, 0.3, 0.4]
    x = _least_squares(
        surface_model, _sizes(fitted, scale), columns[3], (center, width, lower, upper)
    )
    return FittedSurface(x, scale)


def _weighted(points: Sequence[SurfacePoint]) -> list[SurfacePoint]:
    """Return the points with the end of each cell three times, because its shares are shown."""
    ends = {(point.n, point.d): point for point in points}  # the last point of a cell wins
    return [*points, *ends.values(), *ends.values()]


def fit_kaplan(points: Sequence[SurfacePoint]) -> Callable[[Sequence[SurfacePoint]], FloatArray]:
    """Fit Kaplan's form to losses at the best epoch; return it as a function of points."""
    ones = np.ones(3)
    bounds = ([4.0, 6.0, 0.3, 0.3], [3.0, 3.0, 0.2, 0.2], [-40, -40, 0.005, 0.005], [60, 60, 4, 4])
    x = _least_squares(kaplan_model, _sizes(points, ones), _columns(points)[3], bounds)
    return lambda points: np.exp(kaplan_model(x, _sizes(points, ones))[0])


def _least_squares(
    model: Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]],
    sizes: FloatArray,
    losses: FloatArray,
    guess: tuple[Sequence[float], Sequence[float], Sequence[float], Sequence[float]],
) -> FloatArray:
    """Return the parameters with the least squares of log model - log losses.

    `guess` holds centre and width of the random starts, and the lower and upper bounds.
    """
    from scipy.optimize import least_squares  # imported on first use: it takes half a second

    center, width, lower, upper = (np.asarray(part, float) for part in guess)
    target = np.log(losses)
    random = np.random.default_rng(0)
    starts = [center, *(center + width * random.normal(size=(STARTS - 1, len(center))))]
    margin = 1e-6 * (upper - lower)

    def residuals(x: FloatArray) -> FloatArray:
        work_budget.check()
        return model(x, sizes)[0] - target

    fits = [
        least_squares(
            residuals,
            np.clip(start, lower + margin, upper - margin),
            jac=lambda x: model(x, sizes)[1],
            bounds=(lower, upper),
            loss="soft_l1",
            f_scale=0.2,
            max_nfev=200,
        )
        for start in starts
    ]
    return np.asarray(min(fits, key=lambda fit: fit.cost).x)


def log_rmse_of(
    losses: Callable[[Sequence[SurfacePoint]], FloatArray], points: Sequence[SurfacePoint]
) -> float:
    """Return the root mean square of the errors of the logarithm of the loss."""
    errors = np.log(np.maximum(losses(points), 1e-12)) - np.log(_columns(points)[3])
    return float(np.sqrt(np.mean(errors**2)))

"""The whole grid as one surface over capacity N, data D and training time T.

Bryant and Liu (2026): L = E + (L0 - E) h / (1 + h), h = a / N^alpha + b / T^beta + c N^gamma /
D^delta. The three terms are under-capacity, under-training and overfitting; their shares of h say
which of them holds a cell back. The exponents are weakly identified, the shares are not.

Kaplan et al. (2020), eq. 1.5, L = [(Nc / N)^(aN / aD) + Dc / D]^aD, is fitted beside it to the
losses at the best epoch, for comparison.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.analysis.grid.cells import (
    CAPACITY,
    N_TRAIN,
    Cell,
    best_validation,
    key,
    setting,
    varying,
)

Array = NDArray[np.float64]

MIN_VALUES = 3  # of capacity and of data: two say nothing about a curve
STARTS = 4
POINTS_PER_PARAMETER = 2
PARAMETERS = 9
MAX_LOG_RMSE = 0.35  # about a relative error: with more, shares mean nothing
ALONG = (*CAPACITY, N_TRAIN, "training.epochs")


@dataclass(frozen=True)
class Point:
    """The mean loss of a cell within a training time: parameters, samples, steps, loss."""

    n: float
    d: float
    t: float
    loss: float


@dataclass(frozen=True)
class Shares:
    """What holds back one cell at the end of its training: shares of h, together 1."""

    params: dict[str, Any]
    parameters: int
    n_train: int
    measured: float
    fitted: float
    under_capacity: float
    under_training: float
    overfitting: float


@dataclass(frozen=True)
class HeldOut:
    """The cells of the most data, predicted from the others: log-RMSE of three ways to do it."""

    n_train: int
    surface: float
    kaplan: float | None
    constant: float


@dataclass(frozen=True)
class Surface:
    """The fitted surface. `log_rmse` is of the logarithm of the losses, about a relative error."""

    floor: float
    log_rmse: float
    kaplan_log_rmse: float | None
    points: int
    shares: Sequence[Shares]
    held_out: HeldOut | None
    sentence: str


@dataclass(frozen=True)
class SettingSurface:
    """The surface of the cells with one setting of all other knobs, or why there is none."""

    setting: dict[str, Any]
    surface: Surface | None
    why: str | None


def surfaces(found: Sequence[Cell]) -> list[SettingSurface]:
    """Fit a surface to each group of cells that differ in capacity, data and training length only.

    Where a group is too small its `surface` is None and `why` says what is missing.
    """
    knobs = [path for path in varying(found) if path not in ALONG]
    groups: dict[tuple[tuple[str, Any], ...], list[Cell]] = {}
    for cell in found:
        groups.setdefault(key(cell.params, without=ALONG), []).append(cell)
    made = []
    for group in groups.values():
        fitted = surface(group)
        where = setting(group[0].params, knobs)
        why = fitted if isinstance(fitted, str) else None
        made.append(SettingSurface(where, None if isinstance(fitted, str) else fitted, why))
    return made


def surface(found: Sequence[Cell]) -> Surface | str:
    """Fit one surface to cells; return why not where they are too few."""
    usable = [cell for cell in found if (cell.mean(best_validation) or 0) > 0]
    n = {cell.parameters for cell in usable}
    d = {cell.n_train for cell in usable}
    if len(n) < MIN_VALUES or len(d) < MIN_VALUES:
        return (
            f"A surface needs at least {MIN_VALUES} capacities and {MIN_VALUES} training-set "
            f"sizes; there are {len(n)} and {len(d)}."
        )
    points = [point for cell in usable for point in _points(cell)]
    if len(points) < POINTS_PER_PARAMETER * PARAMETERS:
        return f"A surface has {PARAMETERS} parameters; {len(points)} losses are too few for it."
    law = _fit_surface(points)
    rmse = _log_rmse(law.losses, points)
    if rmse > MAX_LOG_RMSE:
        return f"No surface of this kind describes the grid: its log-RMSE would be {rmse:.2g}."
    ends = [_points(cell)[-1] for cell in usable]
    shares = [_shares(cell, end, law) for cell, end in zip(usable, ends, strict=True)]
    kaplan = _fit_kaplan(ends)
    held = _held_out(points, ends)
    return Surface(
        law.floor, rmse, _log_rmse(kaplan, ends), len(points), shares, held,
        _sentence(rmse, held, shares),
    )  # fmt: skip


def _points(cell: Cell) -> list[Point]:
    """Return the cell's mean losses within shares of its epochs, ascending, the whole last.

    "The lowest within so many epochs" does not rise when a model overfits: that is what the law
    describes, which has one loss for each training time.
    """
    batch = min(cell.params.get("training.batch_size") or cell.n_train, cell.n_train)
    steps = -(-cell.n_train // batch)
    shared = set.intersection(*(set(run.reached) for run in cell.runs))
    means = {e: cell.mean(lambda run, e=e: run.reached[e]) for e in shared}  # type: ignore[misc]
    last = max(run.epochs for run in cell.runs)
    means[last] = cell.mean(best_validation)
    return [
        Point(cell.parameters, cell.n_train, steps * epochs, mean)
        for epochs, mean in sorted(means.items())
        if mean and mean > 0
    ]


@dataclass(frozen=True)
class _Law:
    """A fitted surface: x holds E, log (L0 - E), log a, alpha, log b, beta, log c, gamma, delta."""

    x: Array
    scale: Array  # geometric means of N, D, T: numbers near 1 are easier to fit

    @property
    def floor(self) -> float:
        """E."""
        return float(self.x[0])

    def terms(self, points: Sequence[Point]) -> Array:
        """Return under-capacity, under-training and overfitting [3, points]."""
        return _terms(self.x, _sizes(points, self.scale))

    def losses(self, points: Sequence[Point]) -> Array:
        """Return the fitted losses [points]."""
        return np.exp(_surface_model(self.x, _sizes(points, self.scale))[0])


def _sizes(points: Sequence[Point], scale: Array) -> Array:
    """Return log N, D and T relative to the scale [3, points]."""
    return np.asarray(np.log(_columns(points)[:3] / scale[:, None]))


def _columns(points: Sequence[Point]) -> Array:
    return np.array([[p.n, p.d, p.t, p.loss] for p in points]).T


def _terms(x: Array, sizes: Array) -> Array:
    n, d, t = sizes
    log_a, alpha, log_b, beta, log_c, gamma, delta = x[2:]
    exponents = [log_a - alpha * n, log_b - beta * t, log_c + gamma * n - delta * d]
    return np.asarray(np.exp(np.clip(exponents, -60, 60)))


def _surface_model(x: Array, sizes: Array) -> tuple[Array, Array]:
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


def _kaplan_model(x: Array, sizes: Array) -> tuple[Array, Array]:
    """As `_surface_model` for Kaplan's form; x holds log Nc, log Dc, aN, aD."""
    log_nc, log_dc, alpha_n, alpha_d = x
    ratio = alpha_n / alpha_d
    parts = np.clip([ratio * (log_nc - sizes[0]), log_dc - sizes[1]], -60, 60)
    inner = np.exp(parts).sum(axis=0)
    of_n, of_d = np.exp(parts) / inner
    by_n = of_n * (log_nc - sizes[0])
    by_x = [of_n * alpha_n, of_d * alpha_d, by_n, np.log(inner) - ratio * by_n]
    return alpha_d * np.log(inner), np.array(by_x).T


def _fit_surface(points: Sequence[Point]) -> _Law:
    """Fit by least squares of the logarithm of the loss."""
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
        _surface_model, _sizes(fitted, scale), columns[3], (center, width, lower, upper)
    )
    return _Law(x, scale)


def _weighted(points: Sequence[Point]) -> list[Point]:
    """Return the points with the end of each cell three times: its shares are what is shown."""
    ends = {(point.n, point.d): point for point in points}  # the last of each is its end
    return [*points, *ends.values(), *ends.values()]


def _fit_kaplan(points: Sequence[Point]) -> Callable[[Sequence[Point]], Array]:
    """Fit Kaplan's form to losses at the best epoch; return it as a function of points."""
    ones = np.ones(3)
    bounds = ([4.0, 6.0, 0.3, 0.3], [3.0, 3.0, 0.2, 0.2], [-40, -40, 0.005, 0.005], [60, 60, 4, 4])
    x = _least_squares(_kaplan_model, _sizes(points, ones), _columns(points)[3], bounds)
    return lambda of: np.exp(_kaplan_model(x, _sizes(of, ones))[0])


def _least_squares(
    model: Callable[[Array, Array], tuple[Array, Array]],
    sizes: Array,
    losses: Array,
    guess: tuple[Sequence[float], Sequence[float], Sequence[float], Sequence[float]],
) -> Array:
    """Return the parameters with the smallest squares of log model - log losses.

    `guess` holds center and width of the random starts, and the lower and upper bounds.
    """
    from scipy.optimize import least_squares  # loaded when first needed: it takes half a second

    center, width, lower, upper = (np.asarray(each, float) for each in guess)
    target = np.log(losses)
    random = np.random.default_rng(0)
    starts = [center, *(center + width * random.normal(size=(STARTS - 1, len(center))))]
    margin = 1e-6 * (upper - lower)
    fits = [
        least_squares(
            lambda x: model(x, sizes)[0] - target,
            np.clip(start, lower + margin, upper - margin),
            jac=lambda x: model(x, sizes)[1],
            bounds=(lower, upper),
            loss="soft_l1",
            f_scale=0.2,
            max_nfev=200,
        )
        for start in starts
    ]
    return np.asarray(min(fits, key=lambda one: one.cost).x)


def _log_rmse(losses: Callable[[Sequence[Point]], Array], points: Sequence[Point]) -> float:
    errors = np.log(np.maximum(losses(points), 1e-12)) - np.log(_columns(points)[3])
    return float(np.sqrt(np.mean(errors**2)))


def _shares(cell: Cell, end: Point, law: _Law) -> Shares:
    terms = law.terms([end])[:, 0]
    capacity, training, overfitting = (float(x) for x in terms / terms.sum())
    return Shares(
        dict(cell.params), cell.parameters, cell.n_train, end.loss, float(law.losses([end])[0]),
        capacity, training, overfitting,
    )  # fmt: skip


def _held_out(points: Sequence[Point], ends: Sequence[Point]) -> HeldOut | None:
    """Predict the cells of the most data from the others, if enough are left."""
    largest = max(point.d for point in ends)
    known = [point for point in points if point.d < largest]
    known_ends = [point for point in ends if point.d < largest]
    unseen = [point for point in ends if point.d == largest]
    if len({p.d for p in known}) < MIN_VALUES or len(known) < POINTS_PER_PARAMETER * PARAMETERS:
        return None
    law, kaplan = _fit_surface(known), _fit_kaplan(known_ends)
    before = max(p.d for p in known_ends)
    last = {p.n: p.loss for p in known_ends if p.d == before}
    shared = [p for p in unseen if p.n in last]
    if not shared:
        return None
    return HeldOut(
        int(largest),
        _log_rmse(law.losses, shared),
        _log_rmse(kaplan, shared),
        _log_rmse(lambda of: np.array([last[p.n] for p in of]), shared),
    )


_WORDS = {
    "under_capacity": "too little capacity",
    "under_training": "too little training",
    "overfitting": "overfitting: too little data for the capacity",
}


def _sentence(rmse: float, held: HeldOut | None, shares: Sequence[Shares]) -> str:
    best = min(shares, key=lambda one: one.measured)
    share, term = max((getattr(best, term), term) for term in _WORDS)
    text = (
        f"The surface fits the grid's losses to within {rmse:.0%} (log-RMSE {rmse:.3f}). In the "
        f"cell of the lowest loss ({best.parameters:,} parameters, {best.n_train:,} samples) "
        f"{share:.0%} of what can still be gained is lost to {_WORDS[term]}."
    )
    if held is None:
        return f"{text} The grid is too small to check it on sizes it has not seen."
    return (
        f"{text} Predicting {held.n_train:,} samples from fewer, its log-RMSE is "
        f"{held.surface:.3f}; 'same as the last size' has {held.constant:.3f}."
    )

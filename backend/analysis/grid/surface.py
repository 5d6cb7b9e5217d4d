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
    ends = [_points(cell)[-1] for cell in usable]
    shares = [_shares(cell, end, law) for cell, end in zip(usable, ends, strict=True)]
    rmse = _log_rmse(law.losses, points)
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
    """Fitted values: E, L0, and log a, alpha, log b, beta, log c, gamma, delta."""

    floor: float
    ceiling: float
    rest: Array
    scale: Array  # geometric means of N, D, T: numbers near 1 are easier to fit

    def terms(self, points: Sequence[Point]) -> Array:
        """Return under-capacity, under-training and overfitting [3, points]."""
        log_a, alpha, log_b, beta, log_c, gamma, delta = self.rest
        n, d, t = np.log(_columns(points)[:3] / self.scale[:, None])
        exponents = [log_a - alpha * n, log_b - beta * t, log_c + gamma * n - delta * d]
        return np.asarray(np.exp(np.clip(exponents, -60, 60)))

    def losses(self, points: Sequence[Point]) -> Array:
        """Return the fitted losses."""
        h = self.terms(points).sum(axis=0)
        return np.asarray(self.floor + (self.ceiling - self.floor) * h / (1 + h))


def _columns(points: Sequence[Point]) -> Array:
    return np.array([[p.n, p.d, p.t, p.loss] for p in points]).T


def _fit_surface(points: Sequence[Point]) -> _Law:
    """Fit by least squares of the logarithm of the loss, from several starts."""
    fitted = _weighted(points)
    columns = _columns(fitted)
    scale = np.exp(np.log(columns[:3]).mean(axis=1))
    low, high = columns[3].min(), columns[3].max()

    def law(x: Array) -> _Law:
        floor = low * x[0]
        return _Law(floor, floor + high * np.exp(x[1]), x[2:], scale)

    #         E / low  L0     log a alpha log b beta log c gamma delta
    lower = [0.0, -3.0, -12.0, 0.0, -12.0, 0.0, -12.0, 0.0, 0.0]
    upper = [1.0, 3.0, 8.0, 4.0, 8.0, 4.0, 8.0, 4.0, 4.0]
    center = np.array([0.5, 0.2, -1.0, 0.7, -1.0, 0.7, -1.0, 0.3, 0.7])
    width = np.array([0.3, 0.3, 1.0, 0.4, 1.0, 0.4, 1.0, 0.3, 0.4])
    return law(_least_squares(lambda x: law(x).losses(fitted), columns[3], center, width,
                              np.array(lower), np.array(upper)))  # fmt: skip


def _weighted(points: Sequence[Point]) -> list[Point]:
    """Return the points with the end of each cell three times: its shares are what is shown."""
    ends = {(point.n, point.d): point for point in points}  # the last of each is its end
    return [*points, *ends.values(), *ends.values()]


def _fit_kaplan(points: Sequence[Point]) -> Callable[[Sequence[Point]], Array]:
    """Fit Kaplan's form to losses at the best epoch; return it as a function of points."""

    def losses(x: Array, of: Sequence[Point]) -> Array:
        log_nc, log_dc, alpha_n, alpha_d = x
        n, d = np.log(_columns(of)[:2])
        inner = np.exp(np.clip(alpha_n / alpha_d * (log_nc - n), -60, 60)) + np.exp(
            np.clip(log_dc - d, -60, 60)
        )
        return np.asarray(inner**alpha_d)

    center, width = np.array([4.0, 6.0, 0.3, 0.3]), np.array([3.0, 3.0, 0.2, 0.2])
    lower, upper = np.array([-40.0, -40.0, 0.005, 0.005]), np.array([60.0, 60.0, 4.0, 4.0])
    x = _least_squares(lambda x: losses(x, points), _columns(points)[3], center, width, lower,
                       upper)  # fmt: skip
    return lambda of: losses(x, of)


def _least_squares(
    model: Callable[[Array], Array],
    losses: Array,
    center: Array,
    width: Array,
    lower: Array,
    upper: Array,
) -> Array:
    """Return the parameters with the smallest squares of log model - log losses."""
    from scipy.optimize import least_squares  # loaded when first needed: it takes half a second

    target = np.log(losses)

    def residuals(x: Array) -> Array:
        return np.asarray(np.log(np.maximum(model(x), 1e-12)) - target)

    random = np.random.default_rng(0)
    starts = [center, *(center + width * random.normal(size=(STARTS - 1, len(center))))]
    fits = [
        least_squares(
            residuals,
            np.clip(start, lower + 1e-6, upper - 1e-6),
            bounds=(lower, upper),
            loss="soft_l1",
            f_scale=0.2,
            max_nfev=150,
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

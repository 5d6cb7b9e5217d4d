"""The whole grid as one surface over capacity N, data D and training time T.

Bryant and Liu (2026): L = E + (L0 - E) h / (1 + h), h = a / N^alpha + b / T^beta + c N^gamma /
D^delta. The three terms are under-capacity, under-training and overfitting. Their shares of h show
which of them holds a cell back. The exponents are weakly identified, the shares are not.

Measurements take precedence over the fit: if the second half of a cell's own epochs did not lower
its loss, the cell has no share of under-training, whatever the law gives.

Kaplan et al. (2020), eq. 1.5, L = [(Nc / N)^(aN / aD) + Dc / D]^aD, is fitted to the losses at the
best epoch for comparison.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.analysis.cells import (
    BATCH_SIZE,
    CAPACITY,
    EPOCHS,
    N_TRAIN,
    group_by,
    params_key,
    setting,
    varying,
)
from backend.analysis.effects import NOTICEABLE_FALL, second_half_change
from backend.analysis.measured_cells import Cell, best_validation
from backend.analysis.surface_fit import (
    FittedSurface,
    SurfacePoint,
    fit_kaplan,
    fit_surface,
    log_rmse_of,
)
from backend.specification.params import ParamValue, as_number

MIN_CAPACITIES = 3  # two points show no curvature
MIN_SIZES = 4  # training-set sizes: the largest is predicted from the others
PARAMETERS = 9  # of the surface
MIN_POINTS = 2 * PARAMETERS
MAX_LOG_RMSE = 0.35  # about a relative error: with a larger one, the shares mean nothing
ALONG = (*CAPACITY, N_TRAIN, EPOCHS)


@dataclass(frozen=True)
class Shares:
    """The shares of h that hold back one cell at the end of its training; their sum is 1.

    `second_half` is the relative change of the lowest validation loss by the second half of the
    epochs, None if there are too few. Without a noticeable fall, `under_training` is 0.
    """

    params: dict[str, ParamValue]
    parameters: int
    n_train: int
    measured: float
    fitted: float
    under_capacity: float
    under_training: float
    overfitting: float
    second_half: float | None


@dataclass(frozen=True)
class HeldOut:
    """Log-RMSE of three predictions of the cells with the most data from all other cells."""

    n_train: int
    surface: float
    kaplan: float
    constant: float


@dataclass(frozen=True)
class Surface:
    """The fitted surface. `log_rmse` is the error of log losses, about a relative error."""

    floor: float
    log_rmse: float
    kaplan_log_rmse: float
    points: int
    shares: Sequence[Shares]
    held_out: HeldOut
    sentence: str


@dataclass(frozen=True)
class SettingSurface:
    """The surface at one setting of all other hyperparameters, or why it is missing."""

    setting: dict[str, ParamValue]
    surface: Surface | None
    why: str | None


def surfaces(cells: Sequence[Cell]) -> list[SettingSurface]:
    """Fit a surface to each group of cells that differ only in capacity, data and training length.

    If a group is too small, its `surface` is None and `why` names what is missing.
    """
    others = [path for path in varying([cell.params for cell in cells]) if path not in ALONG]
    fitted = []
    for group in group_by(cells, lambda cell: params_key(cell.params, without=ALONG)):
        where, result = setting(group[0].params, others), surface(group)
        if isinstance(result, str):
            fitted.append(SettingSurface(where, None, result))
        else:
            fitted.append(SettingSurface(where, result, None))
    return fitted


def surface(cells: Sequence[Cell]) -> Surface | str:
    """Fit one surface to cells; return the reason as text if it cannot be fitted."""
    sized = [cell for cell in cells if cell.parameters and cell.n_train]
    usable = [cell for cell in sized if (cell.mean(best_validation) or 0) > 0]
    n = {cell.parameters for cell in usable}
    d = {cell.n_train for cell in usable}
    if len(n) < MIN_CAPACITIES or len(d) < MIN_SIZES:
        return (
            f"A surface needs at least {MIN_CAPACITIES} capacities and {MIN_SIZES} training-set "
            f"sizes, the largest to check it on; there are {len(n)} and {len(d)}."
        )
    points = [point for cell in usable for point in _points(cell)]
    if len(points) < MIN_POINTS:
        return f"A surface has {PARAMETERS} parameters; {len(points)} losses are too few for it."
    law = fit_surface(points)
    rmse = log_rmse_of(law.losses, points)
    if rmse > MAX_LOG_RMSE:
        return f"No surface of this kind describes the grid: its log-RMSE would be {rmse:.2g}."
    ends = [_points(cell)[-1] for cell in usable]
    held = _held_out(points, ends)
    if held is None:
        return "Too few losses are left to check a surface on the largest training-set size."
    shares = [_shares(cell, end, law) for cell, end in zip(usable, ends, strict=True)]
    kaplan = fit_kaplan(ends)
    return Surface(
        law.floor, rmse, log_rmse_of(kaplan, ends), len(points), shares, held,
        _sentence(rmse, held, shares),
    )  # fmt: skip


def _points(cell: Cell) -> list[SurfacePoint]:
    """Return the cell's mean lowest losses within parts of its training, the whole last.

    The lowest loss so far does not rise when a model overfits. That fits the law, which has one
    loss for each training time.
    """
    batch = min(as_number(cell.params.get(BATCH_SIZE, cell.n_train)), cell.n_train)
    steps = -(-cell.n_train // batch)
    shared = set.intersection(*(set(run.reached) for run in cell.runs))
    means = {e: cell.mean(lambda run, e=e: run.reached[e]) for e in shared}  # type: ignore[misc]
    last = max(run.epochs for run in cell.runs)
    means[last] = cell.mean(best_validation)
    return [
        SurfacePoint(cell.parameters, cell.n_train, steps * epochs, mean)
        for epochs, mean in sorted(means.items())
        if mean and mean > 0
    ]


def _shares(cell: Cell, end: SurfacePoint, law: FittedSurface) -> Shares:
    terms = law.terms([end])[:, 0]
    change = second_half_change(cell)
    gained = None if change is None else change.mean
    if (gained is None or gained > -NOTICEABLE_FALL) and terms[[0, 2]].any():
        terms = terms * [1, 0, 1]
    capacity, training, overfitting = (float(x) for x in terms / terms.sum())
    return Shares(
        dict(cell.params), cell.parameters, cell.n_train, end.loss, float(law.losses([end])[0]),
        capacity, training, overfitting, gained,
    )  # fmt: skip


def _held_out(points: Sequence[SurfacePoint], ends: Sequence[SurfacePoint]) -> HeldOut | None:
    """Predict the cells with the most data from the others, None if too few are left."""
    largest = max(point.d for point in ends)
    known = [point for point in points if point.d < largest]
    known_ends = [point for point in ends if point.d < largest]
    unseen = [point for point in ends if point.d == largest]
    if len(known) < MIN_POINTS:
        return None
    law, kaplan = fit_surface(known), fit_kaplan(known_ends)
    before = max(p.d for p in known_ends)
    last = {p.n: p.loss for p in known_ends if p.d == before}
    shared = [p for p in unseen if p.n in last]
    if not shared:
        return None
    return HeldOut(
        int(largest),
        log_rmse_of(law.losses, shared),
        log_rmse_of(kaplan, shared),
        log_rmse_of(lambda points: np.array([last[p.n] for p in points]), shared),
    )


_TERMS = {
    "under_capacity": "too little capacity",
    "under_training": "too little training",
    "overfitting": "overfitting: too little data for the capacity",
}


def _sentence(rmse: float, held: HeldOut, shares: Sequence[Shares]) -> str:
    best = min(shares, key=lambda cell: cell.measured)
    share, term = max((getattr(best, term), term) for term in _TERMS)
    text = (
        f"The surface fits the grid's losses to within {rmse:.0%} (log-RMSE {rmse:.3f}). By it, in "
        f"the cell of the lowest loss ({best.parameters:,} parameters, {best.n_train:,} samples) "
        f"{share:.0%} of the possible gain is lost to {_TERMS[term]}. Predicting "
        f"{held.n_train:,} samples from fewer, its log-RMSE is {held.surface:.3f}; 'same as the "
        f"last size' has {held.constant:.3f}"
    )
    if held.surface < held.constant:
        return f"{text}."
    return f"{text}: the shares describe these cells, and predict nothing beyond them."

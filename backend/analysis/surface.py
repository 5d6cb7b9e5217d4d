"""The whole grid as one surface over capacity N, data D and training time T.

Bryant and Liu (2026): L = E + (L0 - E) h / (1 + h), h = a / N^alpha + b / T^beta + c N^gamma /
D^delta. The three terms are under-capacity, under-training and overfitting; their shares of h say
which of them holds a cell back. The exponents are weakly identified, the shares are not.

What was measured goes before what is fitted: where the second half of a cell's own epochs did not
lower its loss, it has no share of under-training, whatever the law says.

Kaplan et al. (2020), eq. 1.5, L = [(Nc / N)^(aN / aD) + Dc / D]^aD, is fitted beside it to the
losses at the best epoch, for comparison.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backend.analysis.cells import (
    CAPACITY,
    N_TRAIN,
    Cell,
    best_validation,
    key,
    setting,
    varying_cells,
)
from backend.analysis.effects import NOTICEABLE_FALL, half_of_training
from backend.analysis.intervals import paired
from backend.analysis.surface_fit import (
    FittedSurface,
    SurfacePoint,
    fit_kaplan,
    fit_surface,
    log_rmse_of,
)

MIN_CAPACITIES = 3  # two say nothing about a curve
MIN_SIZES = 4  # the largest is predicted from the others
POINTS_PER_PARAMETER = 2
PARAMETERS = 9
MAX_LOG_RMSE = 0.35  # about a relative error: with more, shares mean nothing
ALONG = (*CAPACITY, N_TRAIN, "training.epochs")


@dataclass(frozen=True)
class Shares:
    """What holds back one cell at the end of its training: shares of h, together 1.

    `second_half` is what the second half of its epochs changed of its lowest validation loss, None
    for one epoch; without a NOTICEABLE fall `under_training` is 0.
    """

    params: dict[str, Any]
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
    """The cells of the most data, predicted from the others: log-RMSE of three ways to do it."""

    n_train: int
    surface: float
    kaplan: float
    constant: float


@dataclass(frozen=True)
class Surface:
    """The fitted surface. `log_rmse` is of the logarithm of the losses, about a relative error."""

    floor: float
    log_rmse: float
    kaplan_log_rmse: float
    points: int
    shares: Sequence[Shares]
    held_out: HeldOut
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
    knobs = [path for path in varying_cells(found) if path not in ALONG]
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
    if len(n) < MIN_CAPACITIES or len(d) < MIN_SIZES:
        return (
            f"A surface needs at least {MIN_CAPACITIES} capacities and {MIN_SIZES} training-set "
            f"sizes, the largest to check it on; there are {len(n)} and {len(d)}."
        )
    points = [point for cell in usable for point in _points(cell)]
    if len(points) < POINTS_PER_PARAMETER * PARAMETERS:
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
        SurfacePoint(cell.parameters, cell.n_train, steps * epochs, mean)
        for epochs, mean in sorted(means.items())
        if mean and mean > 0
    ]


def _shares(cell: Cell, end: SurfacePoint, law: FittedSurface) -> Shares:
    terms = law.terms([end])[:, 0]
    gained = _second_half(cell)
    if (gained is None or gained > -NOTICEABLE_FALL) and terms[[0, 2]].any():
        terms = terms * [1, 0, 1]
    capacity, training, overfitting = (float(x) for x in terms / terms.sum())
    return Shares(
        dict(cell.params), cell.parameters, cell.n_train, end.loss, float(law.losses([end])[0]),
        capacity, training, overfitting, gained,
    )  # fmt: skip


def _second_half(cell: Cell) -> float | None:
    half = half_of_training(cell)
    if half is None:
        return None
    change = paired(cell.by_seed(best_validation), cell.by_seed(lambda run: run.reached[half]))
    return None if change is None else change.mean


def _held_out(points: Sequence[SurfacePoint], ends: Sequence[SurfacePoint]) -> HeldOut | None:
    """Predict the cells of the most data from the others, if enough are left."""
    largest = max(point.d for point in ends)
    known = [point for point in points if point.d < largest]
    known_ends = [point for point in ends if point.d < largest]
    unseen = [point for point in ends if point.d == largest]
    if len(known) < POINTS_PER_PARAMETER * PARAMETERS:
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
        log_rmse_of(lambda of: np.array([last[p.n] for p in of]), shared),
    )


_WORDS = {
    "under_capacity": "too little capacity",
    "under_training": "too little training",
    "overfitting": "overfitting: too little data for the capacity",
}


def _sentence(rmse: float, held: HeldOut, shares: Sequence[Shares]) -> str:
    best = min(shares, key=lambda one: one.measured)
    share, term = max((getattr(best, term), term) for term in _WORDS)
    text = (
        f"The surface fits the grid's losses to within {rmse:.0%} (log-RMSE {rmse:.3f}). By it, in "
        f"the cell of the lowest loss ({best.parameters:,} parameters, {best.n_train:,} samples) "
        f"{share:.0%} of what can still be gained is lost to {_WORDS[term]}. Predicting "
        f"{held.n_train:,} samples from fewer, its log-RMSE is {held.surface:.3f}; 'same as the "
        f"last size' has {held.constant:.3f}"
    )
    if held.surface < held.constant:
        return f"{text}."
    return f"{text}: the shares describe these cells, and foretell nothing beyond them."

"""The figures of an experiment's analysis as JSON, each under a plain address."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Protocol, TypeVar

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from backend.analysis.cells import CAPACITY, N_TRAIN, settings, varying
from backend.analysis.surface import ALONG
from backend.errors import NotFound
from backend.runs import compare_variants
from backend.runs.compare_variants import DEFAULT_AT, At
from backend.runs.grid_analysis import CellSplit, bias_variance, grid_report
from backend.runs.items import run_items
from backend.specification.params import ParamValue
from backend.store import experiments, metric_summaries, runs
from frontend.charts import theme
from frontend.charts.bias_variance import (
    draw_splits,
    over_epochs,
    over_sizes,
    split_axis,
    split_lines,
)
from frontend.charts.capacity_curve import CapacityInfo, draw_capacity_curve, draw_optimum
from frontend.charts.grid_metrics import CHOICES, KEYS
from frontend.charts.learning_curve import LearningInfo, draw_learning_curve
from frontend.charts.limiting_factors import CauseInfo, SharesInfo, draw_cause, draw_shares
from frontend.charts.parallel_coordinates import MAX_ROWS, parallel_info
from frontend.charts.theme import as_json
from frontend.charts.variant_differences import comparison_info, draw_comparison
from frontend.site import Reading, render

router = APIRouter(prefix="/figures/experiments/{experiment_id}")

Setting = Annotated[int | None, Query(ge=0)]


class _Set(Protocol):
    @property
    def setting(self) -> dict[str, ParamValue]: ...


_One = TypeVar("_One", bound=_Set)


@router.get("/learning-curve")
def learning_curve(
    session: Reading,
    experiment_id: int,
    setting: Setting = None,
    target: Annotated[float | None, Query(gt=0, allow_inf_nan=False)] = None,
) -> Response:
    """Return a learning curve: that of a setting, else the one with the lowest loss."""
    report = grid_report(session, experiment_id, target=target)
    wanted = _setting(session, experiment_id, setting, (N_TRAIN,))
    curve = _pick(report.learning_curves, wanted)
    return _drawn(draw_learning_curve(LearningInfo(curve)) if curve else None)


@router.get("/capacity-curve")
def capacity_curve(session: Reading, experiment_id: int, setting: Setting = None) -> Response:
    """Return a capacity curve: that of a setting, else the one with the lowest loss."""
    report = grid_report(session, experiment_id)
    curves = sorted(report.capacity_curves, key=lambda one: one.optimum.validation.mean)
    wanted = _setting(session, experiment_id, setting, [curve.knob for curve in curves[:1]])
    curve = _pick(curves, wanted)
    return _drawn(draw_capacity_curve(CapacityInfo(curve)) if curve else None)


@router.get("/optimum-capacity")
def optimum_capacity(session: Reading, experiment_id: int, setting: Setting = None) -> Response:
    """Return the optimum capacity over the number of training samples."""
    report = grid_report(session, experiment_id)
    wanted = _setting(session, experiment_id, setting, (N_TRAIN, *CAPACITY))
    curve = _pick(report.optimum_capacity, wanted)
    return _drawn(draw_optimum(curve) if curve else None)


@router.get("/surface")
def surface(session: Reading, experiment_id: int, setting: Setting = None) -> Response:
    """Return the shares of the surface's terms in each cell."""
    report = grid_report(session, experiment_id)
    wanted = _setting(session, experiment_id, setting, ALONG)
    found = _pick(report.surfaces, wanted)
    if found is None or found.surface is None:
        return _drawn(theme.nothing(found.why) if found and found.why else None)
    return _drawn(draw_shares(SharesInfo(found.surface)))


@router.get("/bias-variance")
def splits_over_sizes(
    session: Reading, experiment_id: int, setting: Setting = None, at: At = "last"
) -> Response:
    """Return bias and variance over capacity or, where there is one capacity, over data."""
    line = _splits(session, experiment_id, setting)
    return _drawn(draw_splits(over_sizes(line, at=at)) if line else None)


@router.get("/bias-variance-course")
def splits_over_epochs(session: Reading, experiment_id: int, setting: Setting = None) -> Response:
    """Return bias and variance over the epochs, of the largest model (or most data)."""
    line = _splits(session, experiment_id, setting)
    return _drawn(draw_splits(over_epochs(line[-1])) if line else None)


@router.get("/cause")
def cause(session: Reading, experiment_id: int) -> Response:
    """Return what one step along each axis does to the best model."""
    found = grid_report(session, experiment_id).cause
    return _drawn(draw_cause(CauseInfo(found)) if found else None)


CHARTS: dict[str, Callable[[Session, int], Response]] = {
    "learning-curve": learning_curve,
    "capacity-curve": capacity_curve,
    "optimum-capacity": optimum_capacity,
    "surface": surface,
    "bias-variance": splits_over_sizes,
    "bias-variance-course": splits_over_epochs,
    "cause": cause,
}
"""The charts by the last part of their URL, for the offline report."""


def _drawn(drawing: theme.Drawing | None) -> Response:
    """Return a drawing, or an empty one that says what it waits for."""
    return as_json(drawing or theme.nothing("Drawn as soon as the runs it takes have finished."))


def _splits(
    session: Reading, experiment_id: int, setting: int | None
) -> Sequence[CellSplit] | None:
    """Return the line of cells of a setting, or the one of the lowest error."""
    found = bias_variance(session, experiment_id)
    params = [run.params for run in runs.of_experiment(session, experiment_id)]
    axis = split_axis(varying(params))
    wanted = _setting(session, experiment_id, setting, (axis,))
    for line in split_lines(found, axis):
        if wanted is None or wanted.items() <= line[0].params.items():
            return line
    return None


def _setting(
    session: Reading, experiment_id: int, number: int | None, axes: Sequence[str]
) -> Mapping[str, ParamValue] | None:
    """Return the setting of that number: its place among those of the experiment's runs."""
    if number is None:
        return None
    found = settings([run.params for run in runs.of_experiment(session, experiment_id)], axes)
    if number >= len(found):
        raise NotFound(f"Experiment {experiment_id} has {len(found)} such settings.")
    return found[number]


def _pick(found: Sequence[_One], setting: Mapping[str, ParamValue] | None) -> _One | None:
    """Return the first, or the one whose setting is part of `setting`; None without it."""
    for one in found:
        if setting is None or one.setting.items() <= setting.items():
            return one
    return None


@router.get("/comparison")
def variant_comparison(
    session: Reading,
    experiment_id: int,
    at: At = DEFAULT_AT,
    setting: Annotated[int | None, Query(ge=0)] = None,
) -> Response:
    """Return the variants' paired differences to the first. Raises NotFound."""
    found = compare_variants.comparison(session, experiment_id, at=at, setting=setting)
    return as_json(draw_comparison(comparison_info(found)))


@router.get("/parallel")
def parallel(session: Reading, experiment_id: int, colour: str = "best") -> HTMLResponse:
    """Return the cells of an experiment as lines over its hyperparameters, and as a table.

    Raises NotFound.
    """
    experiments.get(session, experiment_id)
    found = run_items(session, runs.of_experiment(session, experiment_id))
    at_best = metric_summaries.values_at_best(session, [run.id for run in found], KEYS)
    choice = colour if colour in CHOICES else "best"
    info = parallel_info(found, at_best, choice=choice)
    return render("parts/parallel.html", info=info, most=MAX_ROWS)

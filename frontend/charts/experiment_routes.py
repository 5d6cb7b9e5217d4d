"""Routes of the charts of an experiment, as JSON or as an HTML fragment."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
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
from backend.runs.items import SUMMARISED, run_items
from backend.runs.run_settings import settings_of
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
from frontend.charts.parallel_coordinates import MAX_LINES, MAX_ROWS, parallel_info
from frontend.charts.theme import as_json
from frontend.charts.variant_differences import comparison_info, draw_comparison
from frontend.site import Reading, render

router = APIRouter(prefix="/charts/experiments/{experiment_id}")

Setting = Annotated[int | None, Query(ge=0)]


class _HasSetting(Protocol):
    @property
    def setting(self) -> dict[str, ParamValue]: ...


_Curve = TypeVar("_Curve", bound=_HasSetting)


@router.get("/learning-curve")
def learning_curve(
    session: Reading,
    experiment_id: int,
    setting: Setting = None,
    target: Annotated[float | None, Query(gt=0, allow_inf_nan=False)] = None,
) -> Response:
    """Return the learning curve of a setting, by default the one with the lowest loss.

    Raises NotFound.
    """
    report = grid_report(session, experiment_id, target=target)
    chosen_setting = _setting(session, experiment_id, setting, (N_TRAIN,))
    curve = _pick(report.learning_curves, chosen_setting)
    return _drawn(draw_learning_curve(LearningInfo(curve)) if curve else None)


@router.get("/capacity-curve")
def capacity_curve(session: Reading, experiment_id: int, setting: Setting = None) -> Response:
    """Return the capacity curve of a setting, by default the one with the lowest loss.

    Raises NotFound.
    """
    report = grid_report(session, experiment_id)
    curves = sorted(report.capacity_curves, key=lambda curve: curve.optimum.validation.mean)
    chosen_setting = _setting(session, experiment_id, setting, [curve.knob for curve in curves[:1]])
    curve = _pick(curves, chosen_setting)
    return _drawn(draw_capacity_curve(CapacityInfo(curve)) if curve else None)


@router.get("/optimum-capacity")
def optimum_capacity(session: Reading, experiment_id: int, setting: Setting = None) -> Response:
    """Return the optimum capacity over the number of training samples. Raises NotFound."""
    report = grid_report(session, experiment_id)
    chosen_setting = _setting(session, experiment_id, setting, (N_TRAIN, *CAPACITY))
    curve = _pick(report.optimum_capacity, chosen_setting)
    return _drawn(draw_optimum(curve) if curve else None)


@router.get("/surface")
def surface(session: Reading, experiment_id: int, setting: Setting = None) -> Response:
    """Return the shares of the surface's terms in each cell. Raises NotFound."""
    report = grid_report(session, experiment_id)
    chosen_setting = _setting(session, experiment_id, setting, ALONG)
    result = _pick(report.surfaces, chosen_setting)
    if result is None or result.surface is None:
        return _drawn(theme.nothing(result.why) if result and result.why else None)
    return _drawn(draw_shares(SharesInfo(result.surface)))


@router.get("/bias-variance")
def splits_over_sizes(
    session: Reading, experiment_id: int, setting: Setting = None, at: At = "last"
) -> Response:
    """Return bias and variance over capacity, or over data if there is only one capacity.

    Raises NotFound.
    """
    line = _splits(session, experiment_id, setting)
    return _drawn(draw_splits(over_sizes(line, at=at)) if line else None)


@router.get("/bias-variance-course")
def splits_over_epochs(session: Reading, experiment_id: int, setting: Setting = None) -> Response:
    """Return bias and variance of the largest model, or most data, over the epochs.

    Raises NotFound.
    """
    line = _splits(session, experiment_id, setting)
    return _drawn(draw_splits(over_epochs(line[-1])) if line else None)


@router.get("/cause")
def cause(session: Reading, experiment_id: int) -> Response:
    """Return how one step along each axis changes the best model. Raises NotFound."""
    limits = grid_report(session, experiment_id).cause
    return _drawn(draw_cause(CauseInfo(limits)) if limits else None)


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
    """Return a drawing as JSON, or an empty drawing that explains when it will be filled."""
    return as_json(drawing or theme.nothing("This chart is drawn when enough runs have finished."))


def _splits(
    session: Reading, experiment_id: int, setting: int | None
) -> Sequence[CellSplit] | None:
    """Return the line of cells of a setting, by default the line with the lowest error."""
    splits = bias_variance(session, experiment_id)
    params = settings_of(session, runs.of_experiment(session, experiment_id))
    axis = split_axis(varying([of_run.params for of_run in params.values()]))
    chosen_setting = _setting(session, experiment_id, setting, (axis,))
    for line in split_lines(splits, axis):
        if chosen_setting is None or chosen_setting.items() <= line[0].params.items():
            return line
    return None


def _setting(
    session: Reading, experiment_id: int, number: int | None, axes: Sequence[str]
) -> Mapping[str, ParamValue] | None:
    """Return the setting with an index among the settings of the experiment's runs."""
    if number is None:
        return None
    params = settings_of(session, runs.of_experiment(session, experiment_id))
    all_settings = settings([of_run.params for of_run in params.values()], axes)
    if number >= len(all_settings):
        raise NotFound(f"Experiment {experiment_id} has {len(all_settings)} such settings.")
    return all_settings[number]


def _pick(curves: Sequence[_Curve], setting: Mapping[str, ParamValue] | None) -> _Curve | None:
    """Return the first curve that matches `setting`, or None without a match."""
    for curve in curves:
        if setting is None or curve.setting.items() <= setting.items():
            return curve
    return None


@router.get("/comparison")
def variant_comparison(
    session: Reading,
    experiment_id: int,
    at: At = DEFAULT_AT,
    setting: Annotated[int | None, Query(ge=0)] = None,
) -> Response:
    """Return the paired differences of the variants to the baseline. Raises NotFound.

    The variants are in the same order at both epochs, as their charts are side by side.
    """
    compared = partial(compare_variants.comparison, session, experiment_id, setting=setting)
    order = [effect.arm.name for effect in compared(at="last").effects]
    return as_json(draw_comparison(comparison_info(compared(at=at), order)))


@router.get("/parallel")
def parallel(session: Reading, experiment_id: int, colour: str = "best") -> HTMLResponse:
    """Return the cells of an experiment as lines over its hyperparameters, and as a table.

    Raises NotFound.
    """
    experiments.get(session, experiment_id)
    items = run_items(session, runs.of_experiment(session, experiment_id), keys=SUMMARISED)
    at_best = metric_summaries.values_at_best(session, [run.id for run in items], KEYS)
    choice = colour if colour in CHOICES else "best"
    info = parallel_info(items, at_best, choice=choice)
    return render("parts/parallel.html", info=info, max_lines=MAX_LINES, max_rows=MAX_ROWS)

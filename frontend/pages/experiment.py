"""The page of an experiment: progress, the live grid, its analysis, and its runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from backend.analysis.cells import SEED
from backend.operations.service_health import Device
from backend.runs.compare_variants import DEFAULT_AT, At
from backend.runs.schemas import RunItem
from backend.runs.states import ENDED
from backend.scheduling.dispatcher import Dispatcher
from backend.store import experiments
from backend.web.dependencies import DatabaseDep, DispatcherDep
from frontend.chart_options import RunView
from frontend.charts.grid import VARIANT, value_of
from frontend.charts.grid_metrics import ABOUT, CHOICES, USUAL
from frontend.charts.grid_panels import PanelsInfo, panels_info
from frontend.charts.loss_curves import newest_info
from frontend.live_parts import ChartTexts, LivePages, PageContent
from frontend.pages import analysis_sections, remedies
from frontend.pages.experiment_state import ExperimentState, read_state
from frontend.pages.fit_cards import fit_cards
from frontend.pages.status import BROKER_UNREACHABLE, missing_worker
from frontend.site import Context, Reading, fill, macro, render

PAGE_SIZE = 100
LIVE_PARTS = ("overview", "failures", "variants", "pictures", "curve", "readings")
"""The parts that change while runs train: ids of elements, each made by a template."""

router = APIRouter()


@dataclass(frozen=True)
class ExperimentView:
    """The view of an experiment that a URL asks for.

    Hyperparameters that are neither rows nor columns are in the URL by their paths.
    """

    rows: str | None = None
    columns: str | None = None
    colour: str = USUAL
    page: int = 1
    at: At = DEFAULT_AT
    setting: int | None = None
    cell: int | None = None


@router.get("/experiments/{experiment_id}")
def experiment(
    request: Request,
    session: Reading,
    dispatcher: DispatcherDep,
    experiment_id: int,
    view: Annotated[ExperimentView, Depends()],
) -> HTMLResponse:
    """Show one experiment. Raises NotFound."""
    query = dict(request.query_params)
    state = read_state(session, experiment_id)
    context = _live_context(session, dispatcher, state, view, query)
    return render("experiment.html", **context, **_remedies(session, state, context["grid"], view))


@router.get("/experiments/{experiment_id}/live")
def live_parts(
    request: Request,
    database: DatabaseDep,
    dispatcher: DispatcherDep,
    experiment_id: int,
    view: Annotated[ExperimentView, Depends()],
    seen: int = 0,
) -> Context:
    """Return the parts of an experiment's page that changed since version `seen`.

    The state of an experiment is read once for all its viewers. Raises NotFound.
    """
    pages: LivePages = request.app.state.live_pages
    query = {name: value for name, value in request.query_params.items() if name != "seen"}

    def read(_before: ExperimentState | None) -> ExperimentState:
        with database.read() as session:
            return read_state(session, experiment_id)

    def content(before: PageContent | None) -> PageContent:
        state: ExperimentState
        state, _ = pages.states.get(("experiment", experiment_id), read)
        if before and state.version <= before.version:
            return before
        with database.read() as session:
            context = _live_context(session, dispatcher, state, view, query)
        return PageContent(
            state.revision, state.version, state.item.status, _parts(context), _charts(context)
        )

    url = (request.url.path, *sorted(query.items()))
    return pages.update(url, seen, content)


def _parts(context: Context) -> dict[str, str]:
    """Return the HTML of the parts that change while runs train, by the ids of their elements."""
    names = (*LIVE_PARTS, *(["parallel"] if context["has_parallel"] else []))
    parts = {name: fill(f"parts/experiment_{name}.html", **context) for name in names}
    run_row = macro("parts/run_row.html", "run_row")
    for run in context["runs"]:
        parts[f"run-{run.id}"] = run_row(run, context["columns"], value_of)
    return parts | (_grid_parts(context["grid"]) if context["has_grid"] else {})


def _charts(context: Context) -> dict[str, ChartTexts]:
    run: RunItem | None = context["curve_of"]
    if run is None:
        return {}
    info = newest_info("loss", run, stops=run.early_stop_epoch, view=RunView())
    return {"loss": ChartTexts(info.description, info.marks)}


def _grid_parts(grid: PanelsInfo) -> dict[str, str]:
    grid_cell = macro("parts/grid_macros.html", "grid_cell")
    legend = macro("parts/grid_macros.html", "grid_legend")(grid)
    cells = {place.id: grid_cell(place, cell, grid, CHOICES) for place, cell in grid.placed_cells}
    return {"grid-legend": legend, **cells}


def _live_context(
    session: Session,
    dispatcher: Dispatcher,
    state: ExperimentState,
    view: ExperimentView,
    query: Mapping[str, str],
) -> Context:
    """Return the context of the template, except for the remedies, which wait for the end."""
    grid = _grid(state, view, query)
    ended = sum(run.status in ENDED for run in state.runs)
    compared = _compared(session, state, view)
    one_cell = bool(compared and compared.comparison and not compared.cells)
    axes = [path for path in grid.varying if path != SEED]
    has_grid = any(grid.axes) and not one_cell
    return {
        **state.overview(),
        **_page(state.runs, max(1, view.page)),
        "absent": _absent(state, dispatcher),
        "grid": grid,
        "has_grid": has_grid,
        "has_parallel": has_grid and len(axes) > 1,
        "choices": CHOICES,
        "about": ABOUT,
        "axes": axes,
        "columns": list(grid.varying),
        "pictures": fit_cards(session, grid.cells, list(grid.varying), state.at_best),
        "version": analysis_sections.redraw_version(ended, len(state.runs)),
        "compared": compared,
        "curve_of": _curve_of(state.runs, axes, view),
        "analysis": None
        if one_cell
        else analysis_sections.grid_sections(state.item.id, state.runs, query),
        "revision": state.revision,
        "read_at": state.version,
        "query": query,
    }


def _curve_of(
    all_runs: Sequence[RunItem], axes: Sequence[str], view: ExperimentView
) -> RunItem | None:
    """Return the run whose loss is drawn: the first, if nothing varies but the seed."""
    return all_runs[0] if all_runs and not axes and view.page <= 1 else None


def _compared(
    session: Session, state: ExperimentState, view: ExperimentView
) -> remedies.VariantComparison | None:
    if not any(run.variant for run in state.runs):
        return None
    found = experiments.get(session, state.item.id)
    return remedies.compared(session, found, view.at, view.setting)


def _remedies(
    session: Session, state: ExperimentState, grid: PanelsInfo, view: ExperimentView
) -> Context:
    """Return the remedies that an ended experiment offers, and the follow-ups of this one."""
    ended = all(run.status in ENDED for run in state.runs)
    return {
        "offer": remedies.offer(state.rows, list(grid.varying), view.cell) if ended else None,
        "tried": remedies.tried(session, state.item.id),
    }


def _absent(state: ExperimentState, dispatcher: Dispatcher) -> str | None:
    """Return why waiting runs are not trained: no broker, or no worker for their device."""
    queued = state.item.counts["queued"]
    if queued and dispatcher.broker_unreachable:
        return BROKER_UNREACHABLE
    workers = dispatcher.last_state and dispatcher.last_state.workers_for(state.item.device)
    return missing_worker(Device(device=state.item.device, queued=queued, workers=workers))


def _grid(state: ExperimentState, view: ExperimentView, query: Mapping[str, str]) -> PanelsInfo:
    return panels_info(
        state.runs,
        state.at_best,
        choice=view.colour if view.colour in CHOICES else USUAL,
        row_path=view.rows,
        column_path=view.columns,
        shown={path: shown for path, shown in query.items() if "." in path or path == VARIANT},
    )


def _page(all_runs: Sequence[RunItem], page: int) -> Context:
    """Return one page of the list of runs."""
    start = PAGE_SIZE * (page - 1)
    pages = ceil(len(all_runs) / PAGE_SIZE)
    return {
        "runs": all_runs[start : start + PAGE_SIZE],
        "page": page,
        "pages": pages,
        "value_of": value_of,
    }

"""Page of an experiment: its progress, its grid, its analysis and its runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from backend.runs.run_settings import roles_in
from backend.runs.states import ENDED
from backend.specification.params import number_in
from backend.store import experiments
from backend.web.dependencies import DatabaseDep, DispatcherDep
from backend.web.heavy_work import HEAVY
from frontend import formatting
from frontend.chart_options import RunView
from frontend.charts.grid import value_of
from frontend.charts.grid_metrics import CHOICES
from frontend.charts.grid_panels import PanelsInfo
from frontend.charts.loss_curves import newest_info
from frontend.live_parts import ChartTexts, LivePages, PageContent
from frontend.pages import remedies
from frontend.pages.experiment_content import ExperimentContent, ExperimentView, read_content
from frontend.pages.experiment_state import ExperimentState, read_state
from frontend.site import Context, Reading, fill, macro, render

LIVE_PARTS = ("lesson", "overview", "failures", "variants", "pictures", "curve", "readings")
"""The ids of the elements that change while runs train; each has a template of its own."""

router = APIRouter()


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
    content = read_content(session, dispatcher, state, view, query)
    return render(
        "experiment.html",
        **content.context(),
        removal=formatting.removal(state.item.deleted_at, request.app.state.settings.deleted_days),
        roles=_roles(session, state),
        **_remedies(session, state, content.grid, view),
    )


@router.get("/experiments/{experiment_id}/live", dependencies=[HEAVY])
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

    def render_content(before: PageContent | None) -> PageContent:
        state: ExperimentState
        state, _ = pages.states.get(("experiment", experiment_id), read)
        if before and state.version <= before.version:
            return before
        with database.read() as session:
            content = read_content(session, dispatcher, state, view, query)
        return _page_content(content)

    url = (request.url.path, *sorted(query.items()))
    return pages.update(url, seen, render_content)


def _page_content(content: ExperimentContent) -> PageContent:
    state = content.state
    parts, charts = _parts(content), _charts(content)
    return PageContent(state.revision, state.version, state.item.status, parts, charts)


def _parts(content: ExperimentContent) -> dict[str, str]:
    """Return the HTML of the parts that change while runs train, by the ids of their elements."""
    context = content.context()
    names = (*LIVE_PARTS, *(["parallel"] if content.has_parallel else []))
    parts = {name: fill(f"parts/experiment_{name}.html", **context) for name in names}
    run_row = macro("parts/run_row.html", "run_row")
    for run in content.shown_runs:
        parts[f"run-{run.id}"] = run_row(run, context["columns"], value_of, context["classified"])
    return parts | (_grid_parts(content.grid) if content.has_grid else {})


def _charts(content: ExperimentContent) -> dict[str, ChartTexts]:
    run = content.curve_run
    if run is None:
        return {}
    info = newest_info("loss", run, early_stop_epoch=run.early_stop_epoch, view=RunView())
    return {"loss": ChartTexts(info.description, info.marks)}


def _grid_parts(grid: PanelsInfo) -> dict[str, str]:
    grid_cell = macro("parts/grid_macros.html", "grid_cell")
    legend = macro("parts/grid_macros.html", "grid_legend")(grid)
    cells = {place.id: grid_cell(place, cell, grid, CHOICES) for place, cell in grid.placed_cells}
    return {"grid-legend": legend, **cells}


@dataclass(frozen=True)
class RolesForm:
    """The params of external runs that are numbers, and the param of each role."""

    names: Sequence[str]
    chosen: Mapping[str, str | None]


def _roles(session: Session, state: ExperimentState) -> RolesForm | None:
    """Return the form for the roles of params, None without any that could have one."""
    if state.item.spec is not None:
        return None
    names = {
        name: None
        for row in state.rows
        for name, value in row.params.items()
        if number_in(value) is not None
    }
    roles = roles_in(experiments.get(session, state.item.id), state.rows)
    return RolesForm(sorted(names), vars(roles)) if names else None


def _remedies(
    session: Session, state: ExperimentState, grid: PanelsInfo, view: ExperimentView
) -> Context:
    """Return the remedies for an ended experiment, and the experiments that followed up on it."""
    if state.item.spec is None:  # a remedy changes a specification
        return {"offer": None, "tried": []}
    ended = all(run.status in ENDED for run in state.runs)
    return {
        "offer": remedies.offer(state.rows, list(grid.varying), view.cell) if ended else None,
        "tried": remedies.tried(session, state.item.id),
    }

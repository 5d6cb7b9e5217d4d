"""Content of an experiment's page for the view that a URL requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from sqlalchemy.orm import Session

from backend.analysis.cells import SEED
from backend.operations.service_health import Device
from backend.runs.schemas import RunItem
from backend.runs.states import ENDED
from backend.scheduling.dispatcher import Dispatcher
from backend.store import experiments
from frontend.charts.grid import value_of
from frontend.charts.grid_metrics import ABOUT, USUAL, offered
from frontend.charts.grid_panels import PanelsInfo, panels_info
from frontend.pages import remedies
from frontend.pages.analysis_sections import grid_sections, redraw_version
from frontend.pages.experiment_state import ExperimentState
from frontend.pages.fit_cards import FitCard, fit_cards
from frontend.pages.lesson import lesson_of
from frontend.pages.status import BROKER_UNREACHABLE, missing_worker
from frontend.site import Context

PAGE_SIZE = 100  # runs in the table


@dataclass(frozen=True)
class ExperimentView:
    """The view of an experiment that a URL requests.

    Hyperparameters that are neither rows nor columns are in the URL by their paths.
    """

    rows: str | None = None
    columns: str | None = None
    colour: str = USUAL
    page: int = 1
    setting: int | None = None
    cell: int | None = None


@dataclass(frozen=True)
class ExperimentContent:
    """The content of an experiment's page, except for the remedies.

    `waiting_reason` explains why queued runs are not trained. `query` holds all parameters of the
    URL.
    """

    state: ExperimentState
    view: ExperimentView
    query: Mapping[str, str]
    grid: PanelsInfo
    comparison: remedies.VariantComparison | None
    fit_cards: Sequence[FitCard]
    waiting_reason: str | None

    @property
    def axes(self) -> list[str]:
        """The hyperparameters that vary, without the seed."""
        return [path for path in self.grid.varying if path != SEED]

    @property
    def has_grid(self) -> bool:
        """Return whether the page has a grid: it varies more than variants and seeds."""
        return any(self.grid.axes) and not self._compares_one_cell

    @property
    def has_parallel(self) -> bool:
        """Return whether the page has parallel coordinates."""
        return self.has_grid and len(self.axes) > 1

    @property
    def curve_run(self) -> RunItem | None:
        """The run whose loss is drawn: the first, if nothing varies but the seed.

        Several external runs may differ in more than their params: none of them is drawn.
        """
        runs = self.state.runs
        if len(runs) > 1 and runs[0].is_external:
            return None
        return runs[0] if runs and not self.axes and self.view.page <= 1 else None

    @property
    def shown_runs(self) -> Sequence[RunItem]:
        """The runs on the requested page of the table."""
        start = PAGE_SIZE * (max(1, self.view.page) - 1)
        return self.state.runs[start : start + PAGE_SIZE]

    @property
    def _compares_one_cell(self) -> bool:
        compared = self.comparison
        return bool(compared and compared.comparison and not compared.cells)

    def context(self) -> Context:
        """Return the variables of experiment.html and its parts."""
        state, all_runs = self.state, self.state.runs
        ended = sum(run.status in ENDED for run in all_runs)
        return {
            **state.overview(),
            "lesson": lesson_of(state.item.spec, all_runs, state.at_best),
            "absent": self.waiting_reason,
            "grid": self.grid,
            "has_grid": self.has_grid,
            "has_parallel": self.has_parallel,
            "choices": offered(all_runs),
            "classified": any("val_accuracy" in run.summary for run in all_runs),
            "about": ABOUT,
            "axes": self.axes,
            "columns": list(self.grid.varying),
            "fit_cards": self.fit_cards,
            "version": redraw_version(ended, len(all_runs)),
            "compared": self.comparison,
            "curve_run": self.curve_run,
            "analysis": None
            if self._compares_one_cell
            else grid_sections(state.item.id, all_runs, self.query),
            "runs": self.shown_runs,
            "page": max(1, self.view.page),
            "pages": ceil(len(all_runs) / PAGE_SIZE),
            "value_of": value_of,
            "query": self.query,
        }


def read_content(
    session: Session,
    dispatcher: Dispatcher,
    state: ExperimentState,
    view: ExperimentView,
    query: Mapping[str, str],
) -> ExperimentContent:
    """Return the content of an experiment's page in its current state."""
    grid = _grid(state, view, query)
    return ExperimentContent(
        state,
        view,
        query,
        grid,
        _comparison(session, state, view),
        fit_cards(session, grid.cells, list(grid.varying), state.at_best),
        _waiting_reason(state, dispatcher),
    )


def _comparison(
    session: Session, state: ExperimentState, view: ExperimentView
) -> remedies.VariantComparison | None:
    if not any(run.variant for run in state.runs):
        return None
    experiment = experiments.get(session, state.item.id)
    return remedies.compared(session, experiment, view.setting)


NO_AGENT = (
    "No agent works on this sweep. Start one on any machine, with the command of the sweep: "
    "lab agent --experiment {} -- COMMAND"
)


def _waiting_reason(state: ExperimentState, dispatcher: Dispatcher) -> str | None:
    """Return why queued runs are not trained: no agent, no broker, no worker for their device."""
    queued = state.item.counts["queued"]
    if state.item.planned:
        waits = queued and not state.item.counts["running"]
        return NO_AGENT.format(state.item.id) if waits else None
    if queued and dispatcher.broker_unreachable:
        return BROKER_UNREACHABLE
    workers = dispatcher.last_state and dispatcher.last_state.workers_for(state.item.device)
    return missing_worker(Device(device=state.item.device, queued=queued, workers=workers))


def _grid(state: ExperimentState, view: ExperimentView, query: Mapping[str, str]) -> PanelsInfo:
    return panels_info(
        state.runs,
        state.at_best,
        choice=view.colour if view.colour in offered(state.runs) else USUAL,
        row_path=view.rows,
        column_path=view.columns,
        shown=query,
    )

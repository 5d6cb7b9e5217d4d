"""An experiment: progress, the live grid, its analysis, and its runs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from backend.api.dependencies import DispatcherDep
from backend.api.health import Device
from backend.runs.compare_variants import JUDGED, At
from backend.runs.schemas import RunItem, experiment_items, run_items
from backend.runs.states import ENDED
from backend.runs.throughput import throughput
from backend.scheduling.dispatcher import Dispatcher
from backend.store import experiments, metric_summaries, runs
from backend.store.tables import Experiment, Run
from frontend.charts.grid import VARIANT, value_of
from frontend.charts.measures import ABOUT, CHOICES, KEYS, USUAL, AtBest
from frontend.charts.panels import PanelsInfo, panels_info
from frontend.charts.progress import progress_info
from frontend.empty_states import AWAY, nobody
from frontend.formatting import badges
from frontend.pages import analysis, remedies
from frontend.pages.pictures import pictures
from frontend.site import Reading, render

PAGE_SIZE = 100
MAX_REASONS = 3
REDRAWN = 20  # times at most while an experiment's runs end

router = APIRouter()


@dataclass(frozen=True)
class View:
    """What of an experiment is shown, as the address says.

    Knobs that are neither rows nor columns are in the address by their paths.
    """

    rows: str | None = None
    columns: str | None = None
    colour: str = USUAL
    page: int = 1
    at: At = JUDGED
    setting: int | None = None
    cell: int | None = None


@dataclass(frozen=True)
class Reason:
    """Why runs failed: the sentence of the first of them, and how many say the same."""

    sentence: str
    run: RunItem
    amount: int


@router.get("/experiments/{experiment_id}")
def experiment(
    request: Request,
    session: Reading,
    dispatcher: DispatcherDep,
    experiment_id: int,
    view: Annotated[View, Depends()],
) -> HTMLResponse:
    """Show one experiment. Raises NotFound."""
    found = experiments.get(session, experiment_id)
    revision = found.revision  # read first: the stream repeats what comes after it
    rows = runs.of_experiment(session, experiment_id)
    all_runs = run_items(session, rows)
    at_best = metric_summaries.values_at_best(session, [run.id for run in all_runs], KEYS)
    query = dict(request.query_params)
    grid = _grid(all_runs, at_best, view, query)
    return render(
        "experiment.html",
        **_head(session, found, all_runs),
        absent=_absent(found, all_runs, dispatcher),
        **_drawn(session, grid, all_runs, at_best),
        **_page(all_runs, max(1, view.page)),
        **_read(session, found, rows, all_runs, grid, view, query),
        revision=revision,
        query=query,
    )


def _head(session: Session, found: Experiment, all_runs: Sequence[RunItem]) -> dict[str, Any]:
    """Return what is said of the whole experiment: its progress, its verdicts, what failed."""
    [item] = experiment_items(session, [found])
    ahead = runs.count_unended_before(session, found.id) if item.status == "queued" else 0
    cancelled = [run for run in all_runs if run.status == "cancelled"]
    lately = throughput(session, all_runs, datetime.now(UTC)) if item.status == "running" else None
    return {
        "experiment": item,
        "progress": progress_info(item.status, all_runs, ahead=ahead, lately=lately),
        "verdicts": badges((run.verdict, run.rule) for run in all_runs).most_common(),
        "cut_off": badges((run.verdict, run.rule) for run in cancelled),
        "reasons": _reasons(all_runs),
        "live": item.counts["queued"] + item.counts["running"] > 0,
    }


def _absent(found: Experiment, all_runs: Sequence[RunItem], dispatcher: Dispatcher) -> str | None:
    """Say what keeps runs that wait from being trained: no broker, or no worker that may."""
    queued = sum(run.status == "queued" for run in all_runs)
    if queued and dispatcher.broker_unreachable:
        return AWAY
    workers = dispatcher.last_state and dispatcher.last_state.workers_for(found.device)
    return nobody(Device(device=found.device, queued=queued, workers=workers))


def _reasons(all_runs: Sequence[RunItem]) -> list[Reason]:
    """Return why runs failed, the most common first; sentences that differ in numbers are one."""
    failed = [run for run in all_runs if run.status == "failed"]
    kinds = Counter(_kind(run) for run in failed)
    first = {_kind(run): run for run in reversed(failed)}
    return [
        Reason(first[kind].error or "No reason is known.", first[kind], amount)
        for kind, amount in kinds.most_common(MAX_REASONS)
    ]


def _kind(run: RunItem) -> str:
    return "".join(letter for letter in run.error or "" if not letter.isdigit())


def _grid(
    all_runs: Sequence[RunItem],
    at_best: Mapping[int, AtBest],
    view: View,
    query: Mapping[str, str],
) -> PanelsInfo:
    return panels_info(
        all_runs,
        at_best,
        choice=view.colour if view.colour in CHOICES else USUAL,
        row_knob=view.rows,
        column_knob=view.columns,
        shown={path: shown for path, shown in query.items() if "." in path or path == VARIANT},
    )


def _drawn(
    session: Session,
    grid: PanelsInfo,
    all_runs: Sequence[RunItem],
    at_best: Mapping[int, AtBest],
) -> dict[str, Any]:
    """Return what the grid and the pictures show."""
    return {
        "grid": grid,
        "choices": CHOICES,
        "about": ABOUT,
        "axes": [path for path in grid.varying if path != "training.seed"],
        "pictures": pictures(session, grid.cells, list(grid.varying), at_best),
        "version": _version(all_runs),
    }


def _version(all_runs: Sequence[RunItem]) -> int:
    """Return a number that changes when slow figures are to be drawn anew."""
    ended = sum(run.status in ENDED for run in all_runs)
    step = max(1, len(all_runs) // REDRAWN)
    return ended if ended == len(all_runs) else ended // step * step


def _page(all_runs: Sequence[RunItem], page: int) -> dict[str, Any]:
    """Return the part of the list of runs that a page shows."""
    start = PAGE_SIZE * (page - 1)
    pages = ceil(len(all_runs) / PAGE_SIZE)
    return {
        "runs": all_runs[start : start + PAGE_SIZE],
        "page": page,
        "pages": pages,
        "value_of": value_of,
    }


def _read(
    session: Session,
    found: Experiment,
    rows: Sequence[Run],
    all_runs: Sequence[RunItem],
    grid: PanelsInfo,
    view: View,
    query: Mapping[str, str],
) -> dict[str, Any]:
    """Return what the experiment's runs together say, and what would help."""
    varying = list(grid.varying)
    ended = all(run.status in ENDED for run in all_runs)
    variants = any(run.variant for run in all_runs)
    return {
        "columns": varying,
        "compared": remedies.compared(session, found, view.at, view.setting) if variants else None,
        "offer": remedies.offer(rows, varying, view.cell) if ended else None,
        "analysis": analysis.reading(found.id, all_runs, query),
        "tried": remedies.tried(session, found.id),
    }

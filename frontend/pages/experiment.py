"""An experiment: progress, the live grid, fit pictures, and its runs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from backend.comparisons import At
from backend.spec.catalogue import drawable
from backend.spec.cost import inputs
from backend.store import experiments, metrics, runs, snapshots
from backend.views import RunItem, experiment_items, run_items
from frontend import words
from frontend.figures.grid import ABOUT, CHOICES, AtBest, GridInfo, grid_info, value_of
from frontend.figures.progress import progress_info
from frontend.pages import analysis, remedies
from frontend.site import Reading, render

MAX_PICTURES = 6
PAGE_SIZE = 100
KEYS = ("train_loss", "val_loss", "test_loss")

router = APIRouter()


@dataclass(frozen=True)
class Picture:
    """One cell's fit, with its errors at the last and at the best epoch."""

    run: RunItem
    title: str
    best: AtBest
    src: str | None

    def last(self, key: str) -> float | None:
        """Return a metric at the last epoch."""
        value = self.run.summary.get(key, {}).get("last")
        return None if value is None else float(value)


@dataclass(frozen=True)
class View:
    """What of an experiment is shown, as the address says."""

    rows: str | None = None
    columns: str | None = None
    colour: str = "gap"
    page: int = 1
    at: At = "last"
    setting: int | None = None
    cell: int | None = None


@router.get("/experiments/{experiment_id}")
def experiment(
    request: Request, session: Reading, experiment_id: int, view: Annotated[View, Depends()]
) -> HTMLResponse:
    """Show one experiment. Raises NotFound."""
    found = experiments.get(session, experiment_id)
    revision = found.revision  # read first: the stream repeats what comes after it
    [item] = experiment_items(session, [found])
    rows = runs.of_experiment(session, experiment_id)
    all_runs = run_items(session, rows)
    at_best = metrics.at_best_epoch(session, [run.id for run in all_runs], KEYS)
    ahead = runs.unended_before(session, experiment_id)
    choice = view.colour if view.colour in CHOICES else "gap"
    grid = grid_info(all_runs, at_best, choice=choice, row_knob=view.rows, column_knob=view.columns)
    ended = item.status not in ("queued", "running")
    return render(
        "experiment.html",
        experiment=item,
        progress=progress_info(item.status, all_runs, ahead=ahead),
        verdicts=Counter(run.verdict for run in all_runs if run.verdict).most_common(),
        grid=grid,
        choices=CHOICES,
        about=ABOUT,
        axes=[path for path in grid.varying if path != "training.seed"],
        pictures=_pictures(session, grid, at_best),
        **_page(all_runs, max(1, view.page)),
        at_best=at_best,
        columns=list(grid.varying),
        value_of=value_of,
        compared=remedies.compared(session, found, view.at, view.setting),
        offer=remedies.offer(rows, list(grid.varying), view.cell) if ended else None,
        analysis=analysis.reading(experiment_id, all_runs, request.query_params),
        tried=remedies.tried(session, experiment_id),
        revision=revision,
        query=dict(request.query_params),
    )


def _page(all_runs: Sequence[RunItem], page: int) -> dict[str, Any]:
    """Return the part of the list of runs that a page shows."""
    start = PAGE_SIZE * (page - 1)
    pages = ceil(len(all_runs) / PAGE_SIZE)
    return {"runs": all_runs[start : start + PAGE_SIZE], "page": page, "pages": pages}


def _pictures(session: Session, grid: GridInfo, at_best: Mapping[int, AtBest]) -> list[Picture]:
    """Return a picture for each cell of a small grid whose inputs can be drawn, else none."""
    found = [cell.runs[0] for row in grid.cells for cell in row if cell]
    shown = all(drawable(run.params["dataset.source"], inputs(run.params)) for run in found)
    if not shown or len(found) > MAX_PICTURES:
        return []
    return [
        Picture(run, _card_title(run, grid), at_best.get(run.id, {}), _last_fit(session, run.id))
        for run in found
    ]


def _last_fit(session: Session, run_id: int) -> str | None:
    """Return the address of a run's newest fit; it changes with the epoch, as the picture does."""
    fits = [one for one in snapshots.of_run(session, run_id) if one.has_fit]
    if not fits:
        return None
    newest = max(fits, key=lambda one: (one.epoch, one.kind))
    return f"/figures/runs/{run_id}/fit/{newest.kind}?epoch={newest.epoch}"


def _card_title(run: RunItem, grid: GridInfo) -> str:
    """Name a cell by its model and by what else varies."""
    others = [
        f"{words.knob(path)} {words.value(run.params[path])}"
        for path in grid.varying
        if not path.startswith("model.") and path != "training.seed" and path in run.params
    ]
    return ", ".join([run.variant or model_title(run), *others])


def model_title(run: RunItem) -> str:
    """Name a run's model by its capacity."""
    return f"{words.model(run.params)}: {run.parameters:,} parameters"

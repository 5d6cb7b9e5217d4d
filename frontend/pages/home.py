"""Home page: presets, running experiments and recent experiments."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from backend.runs.items import experiment_items, run_items
from backend.runs.schemas import ExperimentItem
from backend.runs.states import ENDED
from backend.specification.presets import PRESET_GROUPS
from backend.store import experiments, runs
from backend.store.experiments import Visibility
from backend.store.external_experiments import EXTERNAL
from backend.store.external_search import DEFAULT_NAME
from backend.web.dependencies import Cursor
from frontend.charts.experiment_progress import ProgressInfo, clock, progress_info, throughput
from frontend.formatting import badges
from frontend.pages.own_training import ways_to_log
from frontend.site import Reading, render

PAGE_SIZE = 20
MAX_PINNED = 50
MAX_VERDICTS = 3  # per experiment

router = APIRouter()


@dataclass(frozen=True)
class ListedExperiment:
    """An experiment in the list. `verdicts` are badge texts with counts, the most common first.

    `progress` is None once the experiment has ended.
    """

    item: ExperimentItem
    verdicts: Sequence[tuple[str, int]]
    progress: ProgressInfo | None

    @property
    def missed(self) -> str:
        """Numbers of failed and cancelled runs: "2 failed, 1 cancelled"."""
        counts = self.item.counts
        return ", ".join(f"{counts[s]:,} {s}" for s in ("failed", "cancelled") if counts[s])

    @property
    def runs(self) -> int:
        """Number of runs."""
        return sum(self.item.counts.values())


@router.get("/")
def home(
    request: Request, session: Reading, before: Cursor = None, shown: Visibility = "active"
) -> HTMLResponse:
    """Show the presets and the experiments: pinned ones first, then the newest."""
    page = experiments.page(session, before=before, limit=PAGE_SIZE, shown=shown, pinned=False)
    pinned = experiments.page(session, limit=MAX_PINNED, shown=shown, pinned=True).items
    rows = page.items if before else [*pinned, *page.items]
    verdicts = experiments.verdicts(session, [row.id for row in rows])
    listed = [
        ListedExperiment(
            item, badges(verdicts[item.id].elements()).most_common(), _progress(session, item)
        )
        for item in experiment_items(session, rows)
        if not _is_unused_default(item)
    ]
    return render(
        "home.html",
        groups=PRESET_GROUPS,
        listed=listed,
        ways=ways_to_log(str(request.app.state.settings.url or request.base_url).rstrip("/")),
        active=[experiment for experiment in listed if experiment.progress],
        before=before,
        shown=shown,
        max_verdicts=MAX_VERDICTS,
        next_cursor=page.next_cursor,
    )


def _is_unused_default(item: ExperimentItem) -> bool:
    """Return whether this is the experiment that MLflow's clients expect, and nobody has used."""
    return item.origin == EXTERNAL and item.name == DEFAULT_NAME and not any(item.counts.values())


def _progress(session: Session, item: ExperimentItem) -> ProgressInfo | None:
    if item.status in ENDED:
        return None
    rows = run_items(session, runs.of_experiment(session, item.id), keys=())
    now = clock(session)
    lately = throughput(session, rows, now) if item.status == "running" else None
    return progress_info(item.status, rows, lately=lately, now=now)

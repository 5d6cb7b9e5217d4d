"""Home: the presets, what is running, and recent experiments."""

from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from backend.api.dependencies import Cursor
from backend.spec.presets import PRESET_GROUPS
from backend.store import experiments, runs
from backend.store.experiments import Shown
from backend.throughput import throughput
from backend.views import ExperimentItem, experiment_items, run_items
from frontend.figures.progress import ProgressInfo, progress_info
from frontend.site import Reading, render

PAGE_SIZE = 20
MOST_PINNED = 50

router = APIRouter()


@dataclass(frozen=True)
class Listed:
    """An experiment in the list; its progress only while it goes on."""

    item: ExperimentItem
    progress: ProgressInfo | None

    @property
    def ended(self) -> int:
        """How many runs train no more."""
        return sum(self.item.counts[state] for state in ("finished", "failed", "cancelled"))

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return sum(self.item.counts.values())


@router.get("/")
def home(session: Reading, before: Cursor = None, shown: Shown = "active") -> HTMLResponse:
    """Show the presets and the experiments: those that are pinned first, then the newest."""
    page = experiments.page(session, before=before, limit=PAGE_SIZE, shown=shown, pinned=False)
    pinned = experiments.page(session, limit=MOST_PINNED, shown=shown, pinned=True).items
    rows = page.items if before else [*pinned, *page.items]
    listed = [_listed(session, item) for item in experiment_items(session, rows)]
    return render(
        "home.html",
        groups=PRESET_GROUPS,
        listed=listed,
        active=[each for each in listed if each.progress],
        before=before,
        shown=shown,
        next_cursor=page.next_cursor,
    )


def _listed(session: Session, item: ExperimentItem) -> Listed:
    if item.status not in ("queued", "running"):
        return Listed(item, None)
    rows = run_items(session, runs.of_experiment(session, item.id))
    lately = throughput(session, rows, datetime.now(UTC)) if item.status == "running" else None
    return Listed(item, progress_info(item.status, rows, lately=lately))

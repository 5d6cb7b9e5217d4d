"""Home page: presets, running experiments and recent experiments."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from backend.runs import compare_variants
from backend.runs.items import experiment_items, run_items
from backend.runs.schemas import ExperimentItem
from backend.runs.states import ENDED
from backend.specification.data_sources import SOURCES
from backend.specification.presets import PRESET_GROUPS
from backend.store import experiments, runs
from backend.store.experiments import Visibility
from backend.store.external_experiments import EXTERNAL
from backend.store.external_search import DEFAULT_NAME
from backend.web.dependencies import Cursor
from frontend import formatting
from frontend.charts.experiment_progress import ProgressInfo, clock, progress_info, throughput
from frontend.formatting import badges
from frontend.pages.own_training import ways_to_log
from frontend.site import Reading, render

PAGE_SIZE = 20
MAX_SEARCH = 200  # characters
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
    def data(self) -> str:
        """The titles of its data sources, empty for an experiment of other programs."""
        if self.item.spec is None:
            return ""
        sources = self.item.spec.get("dataset", {}).get("source", [])
        names = sources if isinstance(sources, list) else [sources]
        return ", ".join(SOURCES[name].title for name in names if name in SOURCES)

    @property
    def varies(self) -> str:
        """The labels of the settings with several values."""
        varying = compare_variants.axes(self.item.spec) if self.item.spec else ()
        return ", ".join(formatting.label(path) for path in varying)

    @property
    def runs(self) -> int:
        """Number of runs."""
        return sum(self.item.counts.values())


@router.get("/")
def home(
    request: Request,
    session: Reading,
    before: Cursor = None,
    shown: Visibility = "active",
    search: str = "",
) -> HTMLResponse:
    """Show the presets and the experiments: pinned ones first, then the newest.

    Once there are experiments, they come first and the presets are folded.
    """
    found = partial(experiments.page, session, shown=shown, search=search[:MAX_SEARCH])
    page = found(before=before, limit=PAGE_SIZE, pinned=False)
    pinned = found(limit=MAX_PINNED, pinned=True).items
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
        search=search,
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

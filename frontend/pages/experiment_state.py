"""State of an experiment for its page, read at one revision of the database."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from backend.runs.items import SUMMARISED, experiment_items, run_items
from backend.runs.schemas import ExperimentItem, RunItem
from backend.store import experiments, metric_summaries, runs
from backend.store.tables import Run
from frontend.charts.experiment_progress import ProgressInfo, clock, progress_info, throughput
from frontend.charts.grid_metrics import KEYS, AtBest
from frontend.formatting import badges
from frontend.live_parts import version_now
from frontend.site import Context

MAX_REASONS = 3


@dataclass(frozen=True)
class FailureReason:
    """A reason for failures: the error of the first failed run, and the number of similar ones."""

    sentence: str
    run: RunItem
    amount: int


@dataclass(frozen=True)
class ExperimentState:
    """An experiment, its runs and its progress. `version` is the time of reading."""

    version: int
    revision: int
    item: ExperimentItem
    rows: Sequence[Run]
    runs: Sequence[RunItem]
    at_best: Mapping[int, AtBest]
    progress: ProgressInfo

    @property
    def is_live(self) -> bool:
        """Return whether runs wait or train."""
        return self.item.counts["queued"] + self.item.counts["running"] > 0

    def overview(self) -> Context:
        """Return the variables of the top of the page: progress, verdicts, reasons of failures."""
        cancelled = [run for run in self.runs if run.status == "cancelled"]
        return {
            "experiment": self.item,
            "progress": self.progress,
            "verdicts": badges((run.verdict, run.severity) for run in self.runs).most_common(),
            "cut_off": badges((run.verdict, run.severity) for run in cancelled),
            "reasons": failure_reasons(self.runs),
            "cancelling": sum(r.cancel_requested and r.status == "running" for r in self.rows),
            "live": self.is_live,
            "revision": self.revision,
            "read_at": self.version,
        }


def read_state(session: Session, experiment_id: int) -> ExperimentState:
    """Read the state of an experiment. Raises NotFound."""
    version = version_now() - 1  # anything rendered within this millisecond counts as newer
    experiment = experiments.get(session, experiment_id)
    revision = experiment.revision  # read first: the event stream repeats later changes
    rows = runs.of_experiment(session, experiment_id)
    items = run_items(session, rows, keys=SUMMARISED)
    [item] = experiment_items(session, [experiment])
    waits_here = item.status == "queued" and not item.planned
    ahead = runs.count_unended_before(session, experiment_id) if waits_here else 0
    now = clock(session)
    trains = item.status == "running" and item.spec is not None  # others record many epochs at once
    lately = throughput(session, items, now) if trains else None
    return ExperimentState(
        version,
        revision,
        item,
        rows,
        items,
        metric_summaries.values_at_best(session, [run.id for run in items], KEYS),
        progress_info(item.status, items, ahead=ahead, lately=lately, now=now),
    )


def failure_reasons(all_runs: Sequence[RunItem]) -> list[FailureReason]:
    """Return the reasons of failures, the most common first.

    Errors that differ only in their numbers count as the same reason.
    """
    failed = [run for run in all_runs if run.status == "failed"]
    amounts = Counter(map(_without_digits, failed))
    first = {_without_digits(run): run for run in reversed(failed)}
    return [
        FailureReason(first[text].error or "The reason is not known.", first[text], amount)
        for text, amount in amounts.most_common(MAX_REASONS)
    ]


def _without_digits(run: RunItem) -> str:
    return "".join(character for character in run.error or "" if not character.isdigit())

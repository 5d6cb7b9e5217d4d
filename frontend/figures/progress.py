"""How far an experiment is, and how long it may still take."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from backend.spec.timing import seconds
from backend.views import RunItem
from frontend import words

LEAST_SHARE = 0.02  # less work done, or less time passed, says nothing about the rest
LEAST_SECONDS = 2.0
ENDED = ("finished", "failed", "cancelled")


@dataclass(frozen=True)
class ProgressInfo:
    """Share of the work done, from 0 to 1, and seconds left (None: not known)."""

    status: str
    share: float
    runs: int
    ended: int
    epochs: int
    seconds_left: float | None
    seconds_taken: float | None
    ahead: int = 0

    @property
    def sentence(self) -> str:
        """The progress in words."""
        done = f"{self.ended:,} of {words.count(self.runs, 'run')} done"
        epochs = words.count(self.epochs, "epoch")
        if self.status == "queued":
            behind = f", behind {words.count(self.ahead, 'run')} of other experiments"
            return (
                f"{words.count(self.runs, 'run')} waiting for a worker{behind * (self.ahead > 0)}"
            )
        if self.status != "running":
            took = "" if self.seconds_taken is None else f", {words.duration(self.seconds_taken)}"
            return f"{done}, {epochs} in all{took}"
        if self.seconds_left is None:
            return f"{done}, {epochs} so far, time left not known yet"
        return f"{done}, {epochs} so far, about {words.duration(self.seconds_left)} left"


def progress_info(
    status: str, runs: Sequence[RunItem], *, ahead: int = 0, now: datetime | None = None
) -> ProgressInfo:
    """Return an experiment's progress; work is weighed by what each run is estimated to cost.

    `ahead` is how many runs of other experiments are to be trained first.
    """
    weights = seconds([run.params for run in runs])
    total = sum(weights)
    done = sum(weight * _share(run) for weight, run in zip(weights, runs, strict=True))
    share = done / total if total else 1.0
    taken = _seconds_taken(runs, now or datetime.now(UTC))
    known = taken is not None and taken >= LEAST_SECONDS and share >= LEAST_SHARE
    return ProgressInfo(
        status=status,
        share=share,
        runs=len(runs),
        ended=sum(run.status in ENDED for run in runs),
        epochs=sum(run.epoch for run in runs),
        seconds_left=taken * (1 - share) / share if known and taken is not None else None,
        seconds_taken=taken,
        ahead=ahead,
    )


def _share(run: RunItem) -> float:
    if run.status in ENDED:
        return 1.0
    return float(min(1.0, run.epoch / run.params["training.epochs"]))


def _seconds_taken(runs: Sequence[RunItem], now: datetime) -> float | None:
    starts = [datetime.fromisoformat(run.started_at) for run in runs if run.started_at]
    if not starts:
        return None
    active = any(run.status not in ENDED for run in runs)
    ends = [datetime.fromisoformat(run.ended_at) for run in runs if run.ended_at]
    return ((now if active or not ends else max(ends)) - min(starts)).total_seconds()

"""Progress of an experiment: the share of its work that is done, and the time left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from backend.runs.schemas import RunItem
from backend.runs.states import ENDED
from backend.runs.throughput import Throughput
from backend.specification.estimates import seconds
from frontend import formatting

# With less work done or less time passed, no time left is estimated.
MIN_SHARE = 0.02
MIN_SECONDS = 2.0


@dataclass(frozen=True)
class ProgressInfo:
    """The share of the work that is done, from 0 to 1, and the seconds left (None: unknown)."""

    status: str
    share: float
    runs: int
    finished: int
    epochs: int
    seconds_left: float | None
    seconds_taken: float | None
    ahead: int = 0
    failed: int = 0
    cancelled: int = 0
    speed_now: float | None = None

    @property
    def epochs_per_second(self) -> float | None:
        """The throughput of the last seconds, else the mean since training began, else None."""
        taken = self.seconds_taken
        if self.speed_now:
            return self.speed_now
        return self.epochs / taken if taken and taken >= MIN_SECONDS else None

    @property
    def sentence(self) -> str:
        """The progress as text."""
        if self.status == "queued":
            behind = f", behind {formatting.count(self.ahead, 'run')} of other experiments"
            waits = f"{formatting.count(self.runs, 'run')} waiting for a worker"
            return waits + behind * (self.ahead > 0)
        if self.status != "running":
            took = (
                "" if self.seconds_taken is None else f", {formatting.duration(self.seconds_taken)}"
            )
            return f"{self._done}, {formatting.count(self.epochs, 'epoch')} in total{took}"
        left = "time left not known yet"
        if self.seconds_left is not None:
            left = f"about {formatting.duration(self.seconds_left)} left"
        return f"{self._done}, {formatting.count(self.epochs, 'epoch')} so far{self._speed}, {left}"

    @property
    def _done(self) -> str:
        done = f"{self.finished:,} of {formatting.count(self.runs, 'run')} done"
        parts = {"failed": self.failed, "cancelled": self.cancelled}
        return ", ".join([done, *(f"{many:,} {state}" for state, many in parts.items() if many)])

    @property
    def _speed(self) -> str:
        speed = self.epochs_per_second
        return "" if not speed else f", {formatting.number(speed)} epochs per second"


def progress_info(
    status: str,
    runs: Sequence[RunItem],
    *,
    ahead: int = 0,
    lately: Throughput | None = None,
    now: datetime | None = None,
) -> ProgressInfo:
    """Return an experiment's progress; work is weighed by what each run is estimated to cost.

    `ahead` is how many runs of other experiments are to be trained first. The time left is that at
    the speed of `lately`, else at the mean since training began.
    """
    over = all(run.status in ENDED for run in runs)  # then nothing is left to be weighed
    weights = [] if over else seconds([run.spec for run in runs])
    total = sum(weights)
    done = sum(weight * _share(run) for weight, run in zip(weights, runs, strict=not over))
    share = done / total if total else 1.0
    taken = _seconds_taken(runs, now or datetime.now(UTC))
    pace = _pace(share, taken)
    if pace and lately:
        pace = _work(lately, runs, weights) / total / lately.seconds or pace
    return ProgressInfo(
        status=status,
        share=share,
        runs=len(runs),
        finished=sum(run.status == "finished" for run in runs),
        epochs=sum(run.epoch for run in runs),
        seconds_left=(1 - share) / pace if pace else None,
        seconds_taken=taken,
        ahead=ahead,
        failed=sum(run.status == "failed" for run in runs),
        cancelled=sum(run.status == "cancelled" for run in runs),
        speed_now=sum(lately.epochs.values()) / lately.seconds if lately else None,
    )


def _pace(share: float, taken: float | None) -> float | None:
    """Return the share of the work done in a second, None as long as too little is known."""
    if not taken or taken < MIN_SECONDS or share < MIN_SHARE:
        return None
    return share / taken


def _work(lately: Throughput, runs: Sequence[RunItem], weights: Sequence[float]) -> float:
    """Return the work done lately, in the unit of the weights."""
    return sum(
        weight * lately.epochs.get(run.id, 0) / float(run.params["training.epochs"])
        for run, weight in zip(runs, weights, strict=True)
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

"""Progress of an experiment: the share of its work that is done, its speed, and the time left."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from sqlalchemy.orm import Session

from backend.runs.schemas import RunItem
from backend.runs.states import ENDED
from backend.specification.estimates import seconds
from backend.store import metrics
from backend.store.engine import moment
from frontend import formatting

# With less work done or less time passed, no time left is estimated.
MIN_SHARE = 0.02
MIN_SECONDS = 2.0
WINDOW_SECONDS = 10.0
MAX_SPEED_UP = 5
"""A run may be this many times faster than its own mean before some of its latest epochs are not
counted; the bound keeps the query to the newest rows."""


@dataclass(frozen=True)
class Throughput:
    """Epochs that runs trained, ``{run: epochs}``, in the last `seconds`."""

    epochs: Mapping[int, int]
    seconds: float


def clock(session: Session) -> datetime:
    """Return the time by the clock of the database, which also stamped the runs."""
    return datetime.fromtimestamp(moment(session) / 1000, UTC)


def throughput(session: Session, runs: Sequence[RunItem], now: datetime) -> Throughput | None:
    """Return the epochs of the last WINDOW_SECONDS, or since training began; None if none."""
    since = now - timedelta(seconds=WINDOW_SECONDS)
    started = [_time(run.started_at) for run in runs if run.started_at]
    recent = [run for run in runs if run.started_at and _is_recent(run, since)]
    period = min(WINDOW_SECONDS, (now - min(started)).total_seconds()) if started else 0.0
    if not recent or period <= 0:
        return None
    fastest = max(
        run.epoch / max(1.0, (now - _time(run.started_at)).total_seconds()) for run in recent
    )
    epochs = metrics.recorded_since(
        session,
        [run.id for run in recent],
        "train_loss",
        since_ms=int(since.timestamp() * 1000),
        last_steps=int(MAX_SPEED_UP * WINDOW_SECONDS * fastest) + 1,
    )
    return Throughput(epochs, period) if epochs else None


def _is_recent(run: RunItem, since: datetime) -> bool:
    return run.status == "running" or (run.ended_at is not None and _time(run.ended_at) >= since)


def _time(iso: str | None) -> datetime:
    return datetime.fromisoformat(iso or "")


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
    planned: bool = False

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
            whom = "an agent" if self.planned else "a worker"
            waits = f"{formatting.count(self.runs, 'run')} waiting for {whom}"
            return waits + behind * (self.ahead > 0)
        if self.status != "running":
            took = (
                "" if self.seconds_taken is None else f", {formatting.duration(self.seconds_taken)}"
            )
            return f"{self._done}, {formatting.count(self.epochs, 'epoch')} in total{took}"
        left = "time left not known yet"
        if self.seconds_left is not None:
            about = "" if self.seconds_left < 1 else "about "
            left = f"{about}{formatting.duration(self.seconds_left)} left"
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
    """Return an experiment's progress. Each run counts by its estimated cost.

    `ahead` counts the runs of other experiments that train first, `lately` is the current speed.
    """
    now = now or datetime.now(UTC)
    weights = _weights(runs)
    share = _share_of_work(runs, weights, now)
    taken = _seconds_taken(runs, now)
    pace = _pace(share, taken, _recent_pace(lately, runs, weights))
    states = Counter(run.status for run in runs)
    return ProgressInfo(
        status=status,
        share=share,
        runs=len(runs),
        finished=states["finished"],
        epochs=sum(run.epoch for run in runs),
        seconds_left=(1 - share) / pace if pace else None,
        seconds_taken=taken,
        ahead=ahead,
        failed=states["failed"],
        cancelled=states["cancelled"],
        speed_now=_speed(lately),
        planned=any(run.is_external for run in runs),
    )


def _speed(lately: Throughput | None) -> float | None:
    return sum(lately.epochs.values()) / lately.seconds if lately else None


def _weights(runs: Sequence[RunItem]) -> list[float]:
    """Return the estimated seconds of each run, or an empty list once all runs have ended.

    The cost of external runs is unknown: all of them count the same.
    """
    if all(run.status in ENDED for run in runs):
        return []
    if any(run.is_external for run in runs):
        return [1.0] * len(runs)
    return list(seconds([run.spec for run in runs]))


def _share_of_work(runs: Sequence[RunItem], weights: Sequence[float], now: datetime) -> float:
    if not weights:
        return 1.0
    usual = _usual_seconds(runs)
    shares = [_share(run, usual, now) for run in runs]
    done = sum(weight * share for weight, share in zip(weights, shares, strict=True))
    return done / sum(weights)


def _pace(share: float, taken: float | None, recent: float) -> float | None:
    """Return the share of the work done per second, None if too little is done to tell."""
    if not taken or taken < MIN_SECONDS or share < MIN_SHARE:
        return None
    return recent or share / taken


def _recent_pace(
    lately: Throughput | None, runs: Sequence[RunItem], weights: Sequence[float]
) -> float:
    """Return the share of the work done per second in the period of `lately`, 0 if unknown."""
    if lately is None or not weights:
        return 0.0
    work = sum(
        weight * lately.epochs.get(run.id, 0) / float(run.params["training.epochs"])
        for run, weight in zip(runs, weights, strict=True)
    )
    return work / sum(weights) / lately.seconds


MAX_SHARE = 0.95  # of a run that takes longer than the others


def _usual_seconds(runs: Sequence[RunItem]) -> float:
    """Return the median time of the external runs that finished, 0 without any."""
    times = [
        (_time(run.ended_at) - _time(run.started_at)).total_seconds()
        for run in runs
        if run.is_external and run.status == "finished" and run.started_at and run.ended_at
    ]
    return median(times) if times else 0.0


def _share(run: RunItem, usual: float, now: datetime) -> float:
    if run.status in ENDED:
        return 1.0
    if run.is_external:  # its number of epochs is unknown
        if run.status != "running" or not run.started_at or usual <= 0:
            return 0.0
        return min(MAX_SHARE, (now - _time(run.started_at)).total_seconds() / usual)
    return float(min(1.0, run.epoch / run.params["training.epochs"]))


def _seconds_taken(runs: Sequence[RunItem], now: datetime) -> float | None:
    """Return the seconds since the first run began, None if none has or the clock disagrees."""
    starts = [datetime.fromisoformat(run.started_at) for run in runs if run.started_at]
    if not starts:
        return None
    active = any(run.status not in ENDED for run in runs)
    ends = [datetime.fromisoformat(run.ended_at) for run in runs if run.ended_at]
    taken = ((now if active or not ends else max(ends)) - min(starts)).total_seconds()
    return taken if taken >= 0 else None  # the clock was set back

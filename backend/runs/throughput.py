"""Current training speed of an experiment, from the epochs that were recorded last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from backend.runs.schemas import RunItem
from backend.store import metrics

WINDOW_SECONDS = 10.0
MAX_SPEED_UP = 5
"""A run may be this many times faster than its own mean before some of its latest epochs are not
counted; the bound keeps the query to the newest rows."""


@dataclass(frozen=True)
class Throughput:
    """Epochs that runs trained, ``{run: epochs}``, in the last `seconds`."""

    epochs: Mapping[int, int]
    seconds: float


def throughput(session: Session, runs: Sequence[RunItem], now: datetime) -> Throughput | None:
    """Return the epochs of the last WINDOW_SECONDS, or since training began; None if none."""
    since = now - timedelta(seconds=WINDOW_SECONDS)
    started = [_time(run.started_at) for run in runs if run.started_at]
    recent = [run for run in runs if run.started_at and _is_recent(run, since)]
    seconds = min(WINDOW_SECONDS, (now - min(started)).total_seconds()) if started else 0.0
    if not recent or seconds <= 0:
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
    return Throughput(epochs, seconds) if epochs else None


def _is_recent(run: RunItem, since: datetime) -> bool:
    return run.status == "running" or (run.ended_at is not None and _time(run.ended_at) >= since)


def _time(iso: str | None) -> datetime:
    return datetime.fromisoformat(iso or "")

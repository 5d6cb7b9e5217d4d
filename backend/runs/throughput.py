"""How fast an experiment trains at the moment: the epochs that were recorded lately."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from backend.runs.schemas import RunItem
from backend.store import recording_times

SECONDS = 10.0
FASTER = 5  # times its own mean, a run's speed may be for all its latest epochs to be counted


@dataclass(frozen=True)
class Throughput:
    """Epochs that runs trained, ``{run: epochs}``, in the last `seconds`."""

    epochs: Mapping[int, int]
    seconds: float


def throughput(session: Session, runs: Sequence[RunItem], now: datetime) -> Throughput | None:
    """Return what was trained in the last SECONDS, or since training began; None if nothing was."""
    since = now - timedelta(seconds=SECONDS)
    started = [_at(run.started_at) for run in runs if run.started_at]
    lately = [run for run in runs if run.started_at and _goes_on(run, since)]
    seconds = min(SECONDS, (now - min(started)).total_seconds()) if started else 0.0
    if not lately or seconds <= 0:
        return None
    most = max(run.epoch / max(1.0, (now - _at(run.started_at)).total_seconds()) for run in lately)
    found = recording_times.recorded_since(
        session,
        [run.id for run in lately],
        "train_loss",
        since_ms=int(since.timestamp() * 1000),
        last_steps=int(FASTER * SECONDS * most) + 1,
    )
    return Throughput(found, seconds) if found else None


def _goes_on(run: RunItem, since: datetime) -> bool:
    return run.status == "running" or (run.ended_at is not None and _at(run.ended_at) >= since)


def _at(iso: str | None) -> datetime:
    return datetime.fromisoformat(iso or "")

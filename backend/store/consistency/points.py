"""Whether each run has its epochs once, and its summaries say what its points say."""

from collections.abc import Iterable, Sequence

import numpy as np
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from backend.series import Series
from backend.store import metric_summaries, metrics
from backend.store.consistency.records import SHOWN
from backend.store.tables import Metric, MetricKey, Run

POINTS = 2_000_000  # read by default, of the newest runs: seconds
TRAINED = "train_loss"  # recorded at every epoch of every run
AT_ONCE = 20  # runs
_BYTES = 8  # of a step


def untrue_epochs(session: Session) -> list[str]:
    """Find runs with an epoch missing or doubled, by the stretches they are stored in."""
    return _doubled(session) + _missing(session)


def _doubled(session: Session) -> list[str]:
    """Find stretches that begin before the one before them ends."""
    before = func.lag(Metric.last_step).over(
        partition_by=(Metric.run_id, Metric.key_id), order_by=Metric.first_step
    )
    stretches = select(Metric.run_id, Metric.key_id, Metric.first_step, before.label("before"))
    placed = stretches.subquery()
    found = session.execute(
        select(placed.c.run_id, MetricKey.name, placed.c.first_step)
        .join(MetricKey, MetricKey.id == placed.c.key_id)
        .where(placed.c.first_step <= placed.c.before)
        .limit(SHOWN)
    ).all()
    return [f"Run {id_} has {key} of epoch {step} twice." for id_, key, step in found]


def _missing(session: Session) -> list[str]:
    """Find runs whose stretches do not hold as many epochs as they have, from the first on."""
    count = func.length(Metric.packed_steps) / _BYTES
    trained = select(MetricKey.id).where(MetricKey.name == TRAINED).scalar_subquery()
    stored = (
        select(
            Metric.run_id,
            func.sum(count).label("epochs"),
            func.min(Metric.first_step).label("first"),
            func.max(Metric.last_step).label("last"),
        )
        .where(Metric.key_id == trained)
        .group_by(Metric.run_id)
        .subquery()
    )
    epochs = func.coalesce(stored.c.epochs, 0)
    found = session.execute(
        select(Run.id, Run.epoch, epochs)
        .outerjoin(stored, stored.c.run_id == Run.id)
        .where(or_(epochs != Run.epoch, stored.c.first != 1, stored.c.last != Run.epoch))
        .limit(SHOWN)
    ).all()
    return [
        f"Run {id_} is at epoch {epoch}; {int(there)} of its epochs are stored."
        for id_, epoch, there in found
    ]


def recent_runs(session: Session, points: int | None) -> list[int]:
    """Return the newest runs that were trained, as many as have so many points (None: all)."""
    query = select(Run.id, Run.epoch).where(Run.epoch > 0).order_by(Run.id.desc())
    keys = session.scalar(select(func.count()).select_from(MetricKey)) or 1
    found: list[int] = []
    read = 0
    for run_id, epoch in session.execute(query):
        read += epoch * keys
        if found and points is not None and read > points:
            break
        found.append(run_id)
    return found


def untrue_summaries(session: Session, run_ids: Sequence[int]) -> list[str]:
    """Read all points of runs; find steps that do not ascend and summaries that are not theirs."""
    found: list[str] = []
    for start in range(0, len(run_ids), AT_ONCE):
        some = run_ids[start : start + AT_ONCE]
        told = metric_summaries.summaries(session, some)
        for run_id, by_key in metrics.series_of(session, some).items():
            found += _untrue(run_id, by_key.items(), told[run_id])
        if len(found) >= SHOWN:
            break
    return found[:SHOWN]


def _untrue(
    run_id: int,
    by_key: Iterable[tuple[str, Series]],
    told: dict[str, dict[str, float | int | None]],
) -> list[str]:
    found = []
    for key, series in by_key:
        if (np.diff(series.steps) <= 0).any():
            found.append(f"Run {run_id} has steps of {key} that do not ascend.")
            continue
        true = metric_summaries.summarise(series.steps.tolist(), series.values.tolist())
        said = told.get(key, {})
        for name, value in zip(metric_summaries.SUMMARY_FIELDS, true, strict=False):
            if said.get(name) != value:
                found.append(
                    f"Run {run_id}: the summary says {name} of {key} is {said.get(name)}; "
                    f"its points say {value}."
                )
    return found

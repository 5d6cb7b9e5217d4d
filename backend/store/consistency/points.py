"""Check that each epoch of a run is stored once, and that summaries match the points."""

from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from backend.series import Series
from backend.store import metric_summaries, metrics
from backend.store.consistency.records import SHOWN
from backend.store.metric_storage import VALUE_BYTES
from backend.store.metric_summaries import Summary
from backend.store.tables import Metric, MetricKey, Run

MAX_POINTS_READ = 2_000_000  # by default, from the newest runs; takes seconds
TRAINED = "train_loss"  # recorded at every epoch of every run
RUNS_PER_READ = 20


def epoch_problems(session: Session) -> list[str]:
    """Find runs with a missing or repeated epoch, by the bounds of their chunks."""
    return _repeated(session) + _missing(session)


def _repeated(session: Session) -> list[str]:
    """Find chunks that begin before the previous chunk ends."""
    before = func.lag(Metric.last_step).over(
        partition_by=(Metric.run_id, Metric.key_id), order_by=Metric.first_step
    )
    chunks = select(Metric.run_id, Metric.key_id, Metric.first_step, before.label("before"))
    ordered = chunks.subquery()
    rows = session.execute(
        select(ordered.c.run_id, MetricKey.name, ordered.c.first_step)
        .join(MetricKey, MetricKey.id == ordered.c.key_id)
        .where(ordered.c.first_step <= ordered.c.before)
        .limit(SHOWN)
    ).all()
    return [f"Run {id_} has {key} of epoch {step} twice." for id_, key, step in rows]


def _missing(session: Session) -> list[str]:
    """Find runs whose chunks do not hold all their epochs from the first on."""
    count = func.length(Metric.packed_steps) / VALUE_BYTES
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
    rows = session.execute(
        select(Run.id, Run.epoch, epochs)
        .outerjoin(stored, stored.c.run_id == Run.id)
        .where(or_(epochs != Run.epoch, stored.c.first != 1, stored.c.last != Run.epoch))
        .limit(SHOWN)
    ).all()
    return [
        f"Run {id_} is at epoch {epoch}, but {int(count)} epochs are stored."
        for id_, epoch, count in rows
    ]


def recent_runs(session: Session, points: int | None) -> list[int]:
    """Return the newest trained runs that have at most `points` points together (None: all)."""
    query = select(Run.id, Run.epoch).where(Run.epoch > 0).order_by(Run.id.desc())
    keys = session.scalar(select(func.count()).select_from(MetricKey)) or 1
    run_ids: list[int] = []
    read = 0
    for run_id, epoch in session.execute(query):
        read += epoch * keys
        if run_ids and points is not None and read > points:
            break
        run_ids.append(run_id)
    return run_ids


def summary_problems(session: Session, run_ids: Sequence[int]) -> list[str]:
    """Read all points of runs; find steps that do not ascend, and summaries that do not match."""
    problems: list[str] = []
    for start in range(0, len(run_ids), RUNS_PER_READ):
        ids = run_ids[start : start + RUNS_PER_READ]
        stored = metric_summaries.summaries(session, ids)
        for run_id, by_key in metrics.series_of(session, ids).items():
            problems += _summary_problems(run_id, by_key, stored[run_id])
        if len(problems) >= SHOWN:
            break
    return problems[:SHOWN]


def _summary_problems(
    run_id: int, by_key: Mapping[str, Series], stored: Mapping[str, Summary]
) -> list[str]:
    problems = []
    for key, series in by_key.items():
        if (np.diff(series.steps) <= 0).any():
            problems.append(f"Run {run_id} has steps of {key} that do not ascend.")
            continue
        expected = metric_summaries.summarise(series.steps.tolist(), series.values.tolist())
        summary = stored.get(key, {})
        for name, value in zip(metric_summaries.SUMMARY_FIELDS, expected, strict=False):
            if summary.get(name) != value:
                problems.append(
                    f"Run {run_id}: {name} of {key} is {summary.get(name)} in the summary, but "
                    f"{value} in the points."
                )
    return problems

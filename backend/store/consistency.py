"""Consistency checks of the database: file and schema, references and states, stored points."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, and_, exists, func, or_, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from backend.runs.states import ENDED, STATES
from backend.series import Series
from backend.store import metric_summaries, metrics, planned_runs, schema
from backend.store.engine import Database, now_ms
from backend.store.metric_storage import VALUE_BYTES
from backend.store.metric_summaries import Summary
from backend.store.runs import trained_here
from backend.store.tables import (
    Base,
    Change,
    Checkpoint,
    Experiment,
    LoggedPoints,
    Metric,
    MetricKey,
    Param,
    ParamKey,
    Run,
)

SHOWN = 5  # problems of a kind
ABANDONED_AFTER_MS = 60_000  # the scheduler takes back an expired lease within seconds

# columns that refer to another table without a foreign key
_UNDECLARED: tuple[tuple[InstrumentedAttribute[int], InstrumentedAttribute[int]], ...] = (
    (Metric.run_id, Run.id),
    (Metric.key_id, MetricKey.id),
    (LoggedPoints.run_id, Run.id),
    (Param.run_id, Run.id),
    (Param.key_id, ParamKey.id),
)


def reference_problems(session: Session) -> list[str]:
    """Find rows that refer to a missing run, experiment or key."""
    problems = []
    for column, target in _references():
        lone = and_(column.is_not(None), ~exists().where(target == column))
        values = session.scalars(select(column).where(lone).distinct().limit(SHOWN)).all()
        if values:
            missing = ", ".join(map(str, values))
            problems.append(
                f"Rows of {column.table.name} refer to missing {target.table.name}: {missing}."
            )
    return problems


def _references() -> Iterator[tuple[ColumnElement[int], ColumnElement[int]]]:
    for table in Base.metadata.sorted_tables:
        for key in table.foreign_keys:
            # a table that refers to itself needs an alias
            target = key.column.table.alias() if key.column.table is table else key.column.table
            yield key.parent, target.c[key.column.name]
    for column, referred in _UNDECLARED:
        yield column.expression, referred.expression


def state_problems(session: Session) -> list[str]:
    """Find runs whose state, lease and times contradict each other."""
    problems = []
    for sentence, condition in _impossible().items():
        ids = session.scalars(select(Run.id).where(condition).order_by(Run.id).limit(SHOWN)).all()
        problems += [f"Run {run_id} {sentence}." for run_id in ids]
    return problems


def _impossible() -> dict[str, ColumnElement[bool]]:
    running, ended = Run.status == "running", Run.status.in_(ENDED)
    trained, planned = trained_here(), planned_runs.condition()
    resumable = exists().where(Checkpoint.run_id == Run.id)
    return {
        "has an unknown state": Run.status.not_in(STATES),
        "is running without a worker or a lease": and_(
            *(running, or_(trained, planned)),
            or_(Run.lease_expires_at.is_(None), Run.worker.is_(None), Run.attempt < 1),
        ),
        "is not running but has a lease": and_(~running, Run.lease_expires_at.is_not(None)),
        "has ended but has no end time": and_(ended, Run.ended_at.is_(None)),
        "has not ended but has an end time": and_(~ended, Run.ended_at.is_not(None)),
        "has failed but has no error": and_(Run.status == "failed", Run.error.is_(None)),
        "is finished but has no epoch": and_(Run.status == "finished", trained, Run.epoch < 1),
        "was trained and has ended but has no diagnosis": and_(
            ended, Run.epoch > 0, Run.verdict.is_(None)
        ),
        "has ended but still has a checkpoint": and_(ended, resumable),
        "is queued, but another program trains it": and_(
            Run.status == "queued", ~trained, ~planned
        ),
        "is lost, but a worker trains it": and_(Run.status == "lost", trained),
    }


def count_abandoned(session: Session) -> int:
    """Count the runs whose lease expired long ago without the scheduler taking them back."""
    overdue = Run.lease_expires_at < now_ms() - ABANDONED_AFTER_MS
    return session.scalar(select(func.count()).where(Run.status == "running", overdue)) or 0


def revision_problems(session: Session) -> list[str]:
    """Find experiments whose revision is behind their changes, and runs with missing changes."""
    newest = func.max(Change.revision)
    behind = session.execute(
        select(Experiment.id, Experiment.revision, newest)
        .join(Change, Change.experiment_id == Experiment.id)
        .group_by(Experiment.id, Experiment.revision)
        .having(newest > Experiment.revision)
        .limit(SHOWN)
    ).all()
    last = func.coalesce(func.max(Change.last_step), 0)
    short = session.execute(
        select(Run.id, Run.epoch, last)
        .outerjoin(Change, and_(Change.run_id == Run.id, Change.kind == "metric"))
        .where(Run.epoch > 0, trained_here())
        .group_by(Run.id, Run.epoch)
        .having(last != Run.epoch)
        .limit(SHOWN)
    ).all()
    return [
        f"Experiment {id_} is at revision {revision} but has a change with revision {last_change}."
        for id_, revision, last_change in behind
    ] + [
        f"Run {id_} has {epoch} epochs, but its changes end at {end}." for id_, epoch, end in short
    ]


# Problems that PostgreSQL reports without administrator rights or an extension, by query.
_POSTGRESQL_PROBLEMS = {
    "Index {} is invalid; REINDEX rebuilds it": """
        SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND NOT (i.indisvalid AND i.indisready)""",
    "Constraint {} was never validated": """
        SELECT conname FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace
        WHERE n.nspname = current_schema() AND NOT convalidated""",
    "{} pages failed their checksum": """
        SELECT checksum_failures FROM pg_stat_database
        WHERE datname = current_database() AND checksum_failures > 0""",
}


def file_problems(session: Session) -> list[str]:
    """Run SQLite's integrity check, or read the problems that PostgreSQL has recorded."""
    if session.get_bind().dialect.name == "sqlite":
        lines = session.scalars(text("PRAGMA integrity_check(10)")).all()
        return [] if list(lines) == ["ok"] else [f"The file is damaged: {line}." for line in lines]
    return [
        f"{sentence.format(name)}."
        for sentence, query in _POSTGRESQL_PROBLEMS.items()
        for name in session.scalars(text(query))
    ]


def schema_problems(database: Database) -> list[str]:
    """Compare the revision of the schema, then its tables, with those that this version needs."""
    revision, needed = schema.revision(database), schema.newest()
    if revision is not None and revision not in schema.known():
        return [f"This version cannot use the database: {schema.refusal(revision)}"]
    if revision != needed:
        return [f"The schema is {revision or 'missing'}, not {needed}; run `lab migrate`."]
    changes = [_in_words(difference) for difference in schema.differences(database)]
    changes = [change for change in changes if not change.startswith("remove table")]  # not ours
    return [f"The tables differ from the schema; needed: {change}." for change in changes[:SHOWN]]


def _in_words(difference: Any) -> str:
    """Return a difference of Alembic as text: an action, and its table, column or index."""
    while isinstance(difference, list):
        difference = difference[0]
    action, *subjects = difference
    names = [getattr(subject, "name", subject) for subject in subjects]
    target = ".".join(name for name in names if isinstance(name, str))
    return f"{action.replace('_', ' ')} {target}"


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
        .where(trained_here())
        .where(or_(epochs != Run.epoch, stored.c.first != 1, stored.c.last != Run.epoch))
        .limit(SHOWN)
    ).all()
    return [
        f"Run {id_} is at epoch {epoch}, but {int(count)} epochs are stored."
        for id_, epoch, count in rows
    ]


def recent_runs(session: Session, points: int | None) -> list[int]:
    """Return the newest trained runs that have at most `points` points together (None: all)."""
    trained = and_(Run.epoch > 0, trained_here())
    query = select(Run.id, Run.epoch).where(trained).order_by(Run.id.desc())
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

"""Check references between rows, states of runs, and revisions of changes."""

from collections.abc import Iterator

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from backend.runs.states import ENDED, STATES
from backend.store.engine import now_ms
from backend.store.tables import (
    Base,
    Change,
    Checkpoint,
    Experiment,
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
    resumable = exists().where(Checkpoint.run_id == Run.id)
    return {
        "has an unknown state": Run.status.not_in(STATES),
        "is running without a worker or a lease": and_(
            running,
            or_(Run.lease_expires_at.is_(None), Run.worker.is_(None), Run.attempt < 1),
        ),
        "is not running but has a lease": and_(~running, Run.lease_expires_at.is_not(None)),
        "has ended but has no end time": and_(ended, Run.ended_at.is_(None)),
        "has not ended but has an end time": and_(~ended, Run.ended_at.is_not(None)),
        "has failed but has no error": and_(Run.status == "failed", Run.error.is_(None)),
        "is finished but has no epoch": and_(Run.status == "finished", Run.epoch < 1),
        "was trained and has ended but has no diagnosis": and_(
            ended, Run.epoch > 0, Run.verdict.is_(None)
        ),
        "has ended but still has a checkpoint": and_(ended, resumable),
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
        .where(Run.epoch > 0)
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

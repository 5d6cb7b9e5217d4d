"""Whether rows belong together, states are possible, and revisions count what moved."""

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

SHOWN = 5  # of a kind
PATIENCE_MS = 60_000  # after these, a lease that ran out should have been taken back

# columns that name a row elsewhere without a foreign key
_UNDECLARED: tuple[tuple[InstrumentedAttribute[int], InstrumentedAttribute[int]], ...] = (
    (Metric.run_id, Run.id),
    (Metric.key_id, MetricKey.id),
    (Param.run_id, Run.id),
    (Param.key_id, ParamKey.id),
)


def orphans(session: Session) -> list[str]:
    """Find rows that name a run, experiment or key that is not there."""
    found = []
    for column, target in _references():
        lone = and_(column.is_not(None), ~exists().where(target == column))
        values = session.scalars(select(column).where(lone).distinct().limit(SHOWN)).all()
        if values:
            named = ", ".join(map(str, values))
            found.append(
                f"Rows of {column.table.name} name {target.table.name} that are not there: {named}."
            )
    return found


def _references() -> Iterator[tuple[ColumnElement[int], ColumnElement[int]]]:
    for table in Base.metadata.sorted_tables:
        for key in table.foreign_keys:
            # a table that names itself is read under two names
            named = key.column.table.alias() if key.column.table is table else key.column.table
            yield key.parent, named.c[key.column.name]
    for column, target in _UNDECLARED:
        yield column.expression, target.expression


def untrue_states(session: Session) -> list[str]:
    """Find runs whose state, lease and times contradict each other."""
    found = []
    for sentence, condition in _impossible().items():
        ids = session.scalars(select(Run.id).where(condition).order_by(Run.id).limit(SHOWN)).all()
        found += [f"Run {run_id} {sentence}." for run_id in ids]
    return found


def _impossible() -> dict[str, ColumnElement[bool]]:
    running, ended = Run.status == "running", Run.status.in_(ENDED)
    resumable = exists().where(Checkpoint.run_id == Run.id)
    return {
        "has a state that does not exist": Run.status.not_in(STATES),
        "is running without a worker or a lease": and_(
            running,
            or_(Run.lease_expires_at.is_(None), Run.worker.is_(None), Run.attempt < 1),
        ),
        "is not running and has a lease": and_(~running, Run.lease_expires_at.is_not(None)),
        "has ended without a time": and_(ended, Run.ended_at.is_(None)),
        "has not ended and has the time of its end": and_(~ended, Run.ended_at.is_not(None)),
        "has failed without a reason": and_(Run.status == "failed", Run.error.is_(None)),
        "is finished without an epoch": and_(Run.status == "finished", Run.epoch < 1),
        "was trained and has ended without a diagnosis": and_(
            ended, Run.epoch > 0, Run.verdict.is_(None)
        ),
        "has ended and still has a checkpoint": and_(ended, resumable),
    }


def abandoned(session: Session) -> int:
    """Count the runs whose worker is long gone, and that nobody has taken back."""
    overdue = Run.lease_expires_at < now_ms() - PATIENCE_MS
    return session.scalar(select(func.count()).where(Run.status == "running", overdue)) or 0


def untrue_revisions(session: Session) -> list[str]:
    """Find experiments whose counter is behind their changes, and runs whose stream ends early."""
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
        f"Experiment {id_} counts {count} changes and has one numbered {there}."
        for id_, count, there in behind
    ] + [f"Run {id_} has {epoch} epochs; its stream ends at {end}." for id_, epoch, end in short]

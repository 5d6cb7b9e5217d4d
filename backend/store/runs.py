"""Runs: read for lists and pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, func, select, update
from sqlalchemy.orm import Session

from backend.errors import NotFound
from backend.runs.states import ENDED
from backend.store.bulk import chunks
from backend.store.tables import MAX_ID, Run


def get(session: Session, run_id: int) -> Run:
    """Return a run. Raises NotFound."""
    found = session.get(Run, run_id) if 1 <= run_id <= MAX_ID else None
    if found is None:
        raise NotFound(f"There is no run {run_id}.")
    return found


def by_ids(session: Session, run_ids: Sequence[int]) -> Sequence[Run]:
    """Return those of `run_ids` that exist."""
    return [
        row
        for some in chunks(run_ids)
        for row in session.scalars(select(Run).where(Run.id.in_(some)))
    ]


def epochs(session: Session, run_ids: Sequence[int]) -> dict[int, int]:
    """Return the last recorded epoch of runs, ``{run: epoch}``."""
    found: dict[int, int] = {}
    for some in chunks(run_ids):
        rows = session.execute(select(Run.id, Run.epoch).where(Run.id.in_(some)))
        found |= {row.id: row.epoch for row in rows}
    return found


def store_diagnoses(session: Session, found: Sequence[tuple[int, str, dict[str, Any]]]) -> None:
    """Store runs' verdicts and diagnoses (run, verdict, diagnosis)."""
    if found:
        rows = [
            {"ended_id": run_id, "found": verdict, "why": diagnosis}
            for run_id, verdict, diagnosis in found
        ]
        session.connection().execute(_DIAGNOSED, rows)


_DIAGNOSED = (
    update(Run)
    .where(Run.id == bindparam("ended_id"))
    .values(verdict=bindparam("found"), diagnosis=bindparam("why", type_=Run.diagnosis.type))
)


def in_experiment(experiment_id: int) -> ColumnElement[bool]:
    """Return the condition of the runs of an experiment that were not deleted."""
    return and_(Run.experiment_id == experiment_id, Run.deleted_at.is_(None))


def of_experiment(session: Session, experiment_id: int) -> Sequence[Run]:
    """Return all runs of an experiment in the order of its grid, without those deleted."""
    return session.scalars(
        select(Run).where(in_experiment(experiment_id)).order_by(Run.position)
    ).all()


def evidence(
    session: Session, experiment_id: int, name: str
) -> list[tuple[dict[str, Any], float | None]]:
    """Return the params of an experiment's runs, each with a number of its diagnosis' evidence."""
    number = Run.diagnosis["evidence"][name].as_float()
    found = session.execute(select(Run.params, number).where(in_experiment(experiment_id)))
    return [(params, value) for params, value in found]


def lengths(session: Session, experiment_id: int) -> list[tuple[int, int]]:
    """Return the ids of an experiment's runs with their last epoch, in the order of its grid."""
    query = select(Run.id, Run.epoch).where(in_experiment(experiment_id))
    return [(row.id, row.epoch) for row in session.execute(query.order_by(Run.position))]


def around(session: Session, run: Run, distance: int) -> Sequence[Run]:
    """Return the runs at most so many places before or after one in the order of its grid."""
    places = Run.position.between(run.position - distance, run.position + distance)
    query = select(Run).where(in_experiment(run.experiment_id), places)
    return session.scalars(query.order_by(Run.position)).all()


def page(
    session: Session, experiment_id: int, *, after: int | None = None, limit: int = 100
) -> tuple[Sequence[Run], int | None]:
    """Return runs of an experiment after a position, and the next page's cursor."""
    query = select(Run).where(in_experiment(experiment_id))
    if after is not None:
        query = query.where(Run.position > after)
    rows = session.scalars(query.order_by(Run.position).limit(limit + 1)).all()
    return rows[:limit], rows[limit - 1].position if len(rows) > limit else None


def neighbours(session: Session, run: Run) -> tuple[int | None, int | None]:
    """Return the ids of the runs before and after one in the order of its grid."""
    ids = select(Run.id).where(in_experiment(run.experiment_id))
    before = ids.where(Run.position < run.position).order_by(Run.position.desc()).limit(1)
    after = ids.where(Run.position > run.position).order_by(Run.position).limit(1)
    return session.scalar(before), session.scalar(after)


def count_unended_before(session: Session, experiment_id: int) -> int:
    """Return how many runs of earlier experiments wait or train."""
    query = select(func.count()).where(
        Run.experiment_id < experiment_id, Run.status.in_(("queued", "running"))
    )
    return session.scalar(query) or 0


def count_unended(session: Session) -> dict[str, int]:
    """Return how many runs wait and how many train, ``{state: count}``, of those above 0."""
    query = select(Run.status, func.count()).where(Run.status.in_(("queued", "running")))
    return {state: count for state, count in session.execute(query.group_by(Run.status))}  # noqa: C416


def count_ended(session: Session) -> dict[str, int]:
    """Return how many runs have ended, by state; reads all of an index, no rows."""
    query = select(Run.status, func.count()).where(Run.status.in_(ENDED)).group_by(Run.status)
    return {state: count for state, count in session.execute(query)}  # noqa: C416 - typed


@dataclass(frozen=True)
class RunProgress:
    """What training has found out about a run; None leaves a column as it is."""

    run_id: int
    epoch: int | None = None
    reference_loss: float | None = None
    early_stop_epoch: int | None = None


def store_progress(session: Session, found: Sequence[RunProgress]) -> None:
    """Store the progress of runs whose leases the caller renewed in this transaction."""
    if found:
        session.connection().execute(_ADVANCE, list(map(vars, found)))


_EPOCH = bindparam("epoch", type_=Run.epoch.type)
_COLUMNS = (Run.epoch, Run.reference_loss, Run.early_stop_epoch)
_ADVANCE = (
    update(Run)
    .where(Run.id == bindparam("run_id"))
    .values(
        {
            column.key: func.coalesce(bindparam(column.key, type_=column.type), column)
            for column in _COLUMNS
        }
        | {"workers_lost": case((_EPOCH.is_(None), Run.workers_lost), else_=0)}
    )
)

"""Runs: read for pages and exports, and updated with progress and diagnoses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, bindparam, case, exists, func, select, update
from sqlalchemy.orm import Session

from backend.errors import NotFound
from backend.runs.states import ENDED, UNENDED
from backend.specification.params import JsonObject
from backend.store.bulk import chunks
from backend.store.engine import read_once
from backend.store.tables import MAX_ID, Experiment, ExternalRun, Run


def get(session: Session, run_id: int) -> Run:
    """Return a run. Raises NotFound."""
    run = session.get(Run, run_id) if 1 <= run_id <= MAX_ID else None
    if run is None:
        raise NotFound(f"There is no run {run_id}.")
    return run


def by_ids(session: Session, run_ids: Sequence[int]) -> Sequence[Run]:
    """Return those of `run_ids` that exist."""
    return [
        row
        for chunk in chunks(run_ids)
        for row in session.scalars(select(Run).where(Run.id.in_(chunk)))
    ]


def epochs(session: Session, run_ids: Sequence[int]) -> dict[int, int]:
    """Return the last recorded epoch of runs, ``{run: epoch}``."""
    by_run: dict[int, int] = {}
    for chunk in chunks(run_ids):
        rows = session.execute(select(Run.id, Run.epoch).where(Run.id.in_(chunk)))
        by_run |= {row.id: row.epoch for row in rows}
    return by_run


def store_diagnoses(session: Session, diagnoses: Mapping[int, JsonObject]) -> None:
    """Store diagnoses by run, with their verdicts, kinds and severities."""
    if diagnoses:
        rows = [
            {
                "ended_id": run_id,
                "new_diagnosis": diagnosis,
                **{f"new_{name}": diagnosis[name] for name in ("verdict", "kind", "severity")},
            }
            for run_id, diagnosis in diagnoses.items()
        ]
        session.connection().execute(_DIAGNOSED, rows)


_DIAGNOSED = (
    update(Run)
    .where(Run.id == bindparam("ended_id"))
    .values(
        verdict=bindparam("new_verdict"),
        kind=bindparam("new_kind"),
        severity=bindparam("new_severity"),
        diagnosis=bindparam("new_diagnosis", type_=Run.diagnosis.type),
    )
)


def in_experiment(experiment_id: int) -> ColumnElement[bool]:
    """Return the condition for the runs of an experiment that were not deleted."""
    return and_(Run.experiment_id == experiment_id, Run.deleted_at.is_(None))


@dataclass(frozen=True)
class EndedRun:
    """A run that has ended: settings, the loss of a constant answer on its data, and verdict."""

    id: int
    params: JsonObject
    reference_loss: float | None
    verdict: str | None
    severity: str | None


def ended_in(session: Session, experiment_id: int) -> list[EndedRun]:
    """Return the runs of an experiment that have ended, in the order of their ids."""
    columns = (Run.id, Run.params, Run.reference_loss, Run.verdict, Run.severity)
    query = select(*columns).where(in_experiment(experiment_id), Run.status.in_(ENDED))
    return [EndedRun(*row) for row in session.execute(query.order_by(Run.id))]


def trained_here() -> ColumnElement[bool]:
    """Return the condition for runs that workers train, not another program."""
    return ~exists().where(ExternalRun.run_id == Run.id)


def of_experiment(session: Session, experiment_id: int) -> Sequence[Run]:
    """Return all runs of an experiment in grid order, without deleted ones.

    The charts of a report need them ten times, and 10,000 runs take 0.4 s to read.
    """
    query = select(Run).where(in_experiment(experiment_id)).order_by(Run.position)
    return read_once(session, ("runs", experiment_id), lambda: session.scalars(query).all())


def evidence(
    session: Session, experiment_id: int, name: str
) -> list[tuple[JsonObject, float | None]]:
    """Return the hyperparameters of an experiment's runs, each with a value of its evidence.

    The evidence is part of the diagnosis; the value is None if it is missing there.
    """
    number = Run.diagnosis["evidence"][name].as_float()
    rows = session.execute(select(Run.params, number).where(in_experiment(experiment_id)))
    return [(params, value) for params, value in rows]


def lengths(session: Session, experiment_id: int) -> list[tuple[int, int]]:
    """Return the ids of an experiment's runs with their last epoch, in grid order."""
    query = select(Run.id, Run.epoch).where(in_experiment(experiment_id))
    return [(row.id, row.epoch) for row in session.execute(query.order_by(Run.position))]


def around(session: Session, run: Run, distance: int) -> Sequence[Run]:
    """Return the runs at most `distance` positions before or after a run in grid order."""
    nearby = Run.position.between(run.position - distance, run.position + distance)
    query = select(Run).where(in_experiment(run.experiment_id), nearby)
    return session.scalars(query.order_by(Run.position)).all()


def page(
    session: Session, experiment_id: int, *, after: int | None = None, limit: int = 100
) -> tuple[Sequence[Run], int | None]:
    """Return runs of an experiment after a position, and the cursor of the next page."""
    query = select(Run).where(in_experiment(experiment_id))
    if after is not None:
        query = query.where(Run.position > after)
    rows = session.scalars(query.order_by(Run.position).limit(limit + 1)).all()
    return rows[:limit], rows[limit - 1].position if len(rows) > limit else None


def neighbours(session: Session, run: Run) -> tuple[int | None, int | None]:
    """Return the ids of the runs before and after a run in grid order."""
    ids = select(Run.id).where(in_experiment(run.experiment_id))
    before = ids.where(Run.position < run.position).order_by(Run.position.desc()).limit(1)
    after = ids.where(Run.position > run.position).order_by(Run.position).limit(1)
    return session.scalar(before), session.scalar(after)


def count_unended_before(session: Session, experiment_id: int) -> int:
    """Return how many runs of earlier experiments wait for a worker or have one."""
    before = and_(Run.experiment_id < experiment_id, Run.status.in_(UNENDED), trained_here())
    query = select(func.count()).where(before)
    return session.scalar(query) or 0


def count_unended(session: Session) -> dict[str, int]:
    """Return how many runs wait for a worker and have one, ``{state: count}``, without zeros."""
    query = select(Run.status, func.count()).where(Run.status.in_(UNENDED), trained_here())
    return {state: count for state, count in session.execute(query.group_by(Run.status))}  # noqa: C416


def count_queued_of(session: Session, owner: str | None) -> int:
    """Return how many runs of an owner's experiments are queued; None means those of no token."""
    joined = select(func.count(Run.id)).join(Experiment, Experiment.id == Run.experiment_id)
    query = joined.where(Run.status == "queued", Experiment.owner.is_not_distinct_from(owner))
    return session.scalar(query) or 0


def count_ended(session: Session) -> dict[str, int]:
    """Return how many runs have ended, by state. Reads a whole index, but no rows."""
    query = select(Run.status, func.count()).where(Run.status.in_(ENDED)).group_by(Run.status)
    return {state: count for state, count in session.execute(query)}  # noqa: C416 - typed


@dataclass(frozen=True)
class RunProgress:
    """New values of a run from its training; None leaves a column unchanged."""

    run_id: int
    epoch: int | None = None
    reference_loss: float | None = None
    early_stop_epoch: int | None = None


def store_progress(session: Session, progress: Sequence[RunProgress]) -> None:
    """Store the progress of runs whose leases the caller renewed in this transaction."""
    if progress:
        session.connection().execute(_STORE_PROGRESS, list(map(vars, progress)))


_EPOCH = bindparam("epoch", type_=Run.epoch.type)
_COLUMNS = (Run.epoch, Run.reference_loss, Run.early_stop_epoch)
_STORE_PROGRESS = (
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

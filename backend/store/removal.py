"""Remove for good what was deleted long ago, a few runs per transaction."""

from collections.abc import Sequence

from sqlalchemy import delete, exists, or_, select
from sqlalchemy.orm import Session

from backend.runs.states import ENDED
from backend.store import curation, params, undo_log
from backend.store.engine import now_ms
from backend.store.tables import Experiment, Metric, Run

RUNS_PER_REMOVAL = 50  # takes 0.2 s on SQLite, during which other writers wait


def remove(session: Session, *, after_days: float, limit: int = RUNS_PER_REMOVAL) -> int:
    """Remove at most `limit` runs deleted more than `after_days` ago, and experiments left empty.

    A run that still trains stays until its worker has released it. Operations that can no longer be
    undone are deleted too. Returns how many runs were removed: none while another transaction
    curates runs, because it may be restoring them.
    """
    if not curation.lock(session, wait=False):
        return 0
    undo_log.forget_expired(session)
    before = now_ms() - int(after_days * 86_400_000)
    expired = select(Experiment.id).where(Experiment.deleted_at <= before)
    run_ids = session.scalars(
        select(Run.id)
        .where(or_(Run.deleted_at <= before, Run.experiment_id.in_(expired)), Run.status.in_(ENDED))
        .limit(limit)
    ).all()
    _remove_runs(session, run_ids)
    empty = ~exists().where(Run.experiment_id == Experiment.id)
    removed = delete(Experiment).where(Experiment.deleted_at <= before, empty)
    ids = session.scalars(removed.returning(Experiment.id)).all()
    undo_log.forget_owners(session, "experiment", ids)
    return len(run_ids)


def _remove_runs(session: Session, run_ids: Sequence[int]) -> None:
    """Remove runs and their records; rows with foreign keys are deleted by the database."""
    if run_ids:
        session.execute(delete(Metric).where(Metric.run_id.in_(run_ids)))
        params.remove(session, run_ids)
        undo_log.forget_owners(session, "run", run_ids)
        session.execute(delete(Run).where(Run.id.in_(run_ids)))


def waits(session: Session, *, after_days: float) -> bool:
    """Return whether there is anything to remove."""
    if undo_log.has_expired(session):
        return True
    before = now_ms() - int(after_days * 86_400_000)
    return any(
        session.scalar(select(table.id).where(table.deleted_at <= before).limit(1)) is not None
        for table in (Run, Experiment)
    )

"""What was deleted long ago is removed for good, some runs at a time: nobody waits for it."""

from collections.abc import Sequence

from sqlalchemy import delete, exists, or_, select
from sqlalchemy.orm import Session

from backend.runs.states import ENDED
from backend.store import curation, params, undo_log
from backend.store.engine import now_ms
from backend.store.tables import Experiment, Metric, Run

AT_ONCE = 50  # runs in a transaction: a fifth of a second on SQLite, where others wait to write


def remove(session: Session, *, after_days: float, limit: int = AT_ONCE) -> int:
    """Remove at most `limit` runs that were deleted so long ago, and experiments left empty.

    A run that still trains stays until its worker has let go of it. What can no longer be undone is
    forgotten. Returns how many runs went: none while somebody organises, perhaps waiting for a
    worker, as what is being restored is not removed meanwhile.
    """
    if not curation.lock(session, wait=False):
        return 0
    undo_log.forget_expired(session)
    before = now_ms() - int(after_days * 86_400_000)
    gone = select(Experiment.id).where(Experiment.deleted_at <= before)
    run_ids = session.scalars(
        select(Run.id)
        .where(or_(Run.deleted_at <= before, Run.experiment_id.in_(gone)), Run.status.in_(ENDED))
        .limit(limit)
    ).all()
    _remove_runs(session, run_ids)
    empty = ~exists().where(Run.experiment_id == Experiment.id)
    removed = delete(Experiment).where(Experiment.deleted_at <= before, empty)
    ids = session.scalars(removed.returning(Experiment.id)).all()
    undo_log.forget_owners(session, "experiment", ids)
    return len(run_ids)


def _remove_runs(session: Session, run_ids: Sequence[int]) -> None:
    """Remove runs with all they recorded; what has foreign keys goes with them."""
    if run_ids:
        session.execute(delete(Metric).where(Metric.run_id.in_(run_ids)))
        params.remove(session, run_ids)
        undo_log.forget_owners(session, "run", run_ids)
        session.execute(delete(Run).where(Run.id.in_(run_ids)))


def waits(session: Session, *, after_days: float) -> bool:
    """Whether anything is to be removed or forgotten."""
    if undo_log.has_expired(session):
        return True
    before = now_ms() - int(after_days * 86_400_000)
    return any(
        session.scalar(select(table.id).where(table.deleted_at <= before).limit(1)) is not None
        for table in (Run, Experiment)
    )

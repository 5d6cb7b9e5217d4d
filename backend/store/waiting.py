"""Runs that wait: cut into portions, and which portions are to be handed to the workers next.

A portion is what one worker is to train together. Portions of an experiment are sent in their
order, and those of several experiments in turn, so that a large one does not hold up a small one.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from backend.store.bulk import chunks
from backend.store.engine import now_ms
from backend.store.tables import Run

CAREFUL = (None, 16, 1)  # runs sent together once so many workers were lost: none, one, more


def uncut(session: Session) -> dict[int, list[tuple[int, dict[str, Any]]]]:
    """Return the waiting runs without a portion, ``{experiment: [(run, params)]}``."""
    found: dict[int, list[tuple[int, dict[str, Any]]]] = {}
    rows = session.execute(
        select(Run.experiment_id, Run.id, Run.params)
        .where(Run.status == "queued", Run.portion.is_(None))
        .order_by(Run.id)
    )
    for experiment_id, run_id, params in rows:
        found.setdefault(experiment_id, []).append((run_id, params))
    return found


def set_portions(session: Session, portions: Sequence[Sequence[int]]) -> None:
    """Note the portions of an experiment, given as run ids in the order they are to be sent."""
    rows = [
        {"cut_id": run_id, "number": number}
        for number, run_ids in enumerate(portions)
        for run_id in run_ids
    ]
    session.connection().execute(_SET_PORTION, rows)


_SET_PORTION = (
    update(Run)
    .where(Run.id == bindparam("cut_id"), Run.portion.is_(None))
    .values(portion=bindparam("number"))
)


def next_groups(session: Session, limit: int, *, sent_before_seconds: float) -> list[list[int]]:
    """Return the runs that are to be sent next, at most `limit` groups of them.

    Those that were never sent, or longer ago than `sent_before_seconds`.
    Runs that lost a worker since their last epoch come last, and in ever smaller groups: one of
    them may be the cause, and would take the others with it again.
    """
    waits = _waits(sent_before_seconds)
    lost = func.min(Run.workers_lost)
    portions = session.execute(
        select(Run.experiment_id, Run.portion, lost)
        .where(waits)
        .group_by(Run.experiment_id, Run.portion, Run.workers_lost)
        .order_by(lost, Run.portion, Run.experiment_id)
        .limit(limit)
    ).all()
    groups: list[list[int]] = []
    for experiment_id, portion, workers_lost in portions:
        run_ids = session.scalars(
            select(Run.id)
            .where(
                waits,
                Run.experiment_id == experiment_id,
                Run.portion == portion,
                Run.workers_lost == workers_lost,
            )
            .order_by(Run.id)
        ).all()
        size = CAREFUL[min(workers_lost, len(CAREFUL) - 1)] or len(run_ids)
        groups += [list(run_ids[start : start + size]) for start in range(0, len(run_ids), size)]
    return groups[:limit]


def _waits(sent_before_seconds: float) -> ColumnElement[bool]:
    long_ago = Run.sent_at < now_ms() - int(sent_before_seconds * 1000)
    cut_and_queued = and_(Run.status == "queued", Run.portion.is_not(None))
    return and_(cut_and_queued, or_(Run.sent_at.is_(None), long_ago))


def mark_sent(session: Session, run_ids: Sequence[int]) -> None:
    """Note that a message for these runs was handed to the broker."""
    for some in chunks(run_ids):
        session.execute(update(Run).where(Run.id.in_(some)).values(sent_at=now_ms()))

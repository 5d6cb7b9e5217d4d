"""Who may train a run, and what state it is in: every change of either is a compare-and-set.

A claim hands out a lease: the run's attempt number, valid until `lease_expires_at`. A write
under an older attempt, or on a run that is no longer running, matches no row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, bindparam, func, or_, select, tuple_, update
from sqlalchemy.orm import Session

from backend.store.engine import now_ms
from backend.store.states import ENDED, State, sources_of
from backend.store.tables import Run


@dataclass(frozen=True)
class Lease:
    """The right to train one run."""

    run_id: int
    experiment_id: int
    attempt: int


@dataclass(frozen=True)
class Claimed:
    """A run that was claimed, with what training needs of it; `epoch` is the last recorded."""

    lease: Lease
    params: dict[str, Any]
    epoch: int


def claim(
    session: Session, run_ids: Sequence[int], *, worker: str, lease_seconds: float
) -> list[Claimed]:
    """Take those of `run_ids` that wait, and are not to be cancelled, for `worker`."""
    rows = session.execute(
        update(Run)
        .where(Run.id.in_(run_ids), Run.status.in_(sources_of("running")))
        .values(
            status="running",
            attempt=Run.attempt + 1,
            worker=worker,
            lease_expires_at=_in(lease_seconds),
            started_at=func.coalesce(Run.started_at, now_ms()),
        )
        .returning(Run.id, Run.experiment_id, Run.attempt, Run.params, Run.epoch)
    ).all()
    claimed = [
        Claimed(Lease(row.id, row.experiment_id, row.attempt), row.params, row.epoch)
        for row in rows
    ]
    return sorted(claimed, key=lambda each: list(run_ids).index(each.lease.run_id))


def renew(session: Session, leases: Sequence[Lease], *, lease_seconds: float) -> dict[int, bool]:
    """Extend leases; return the runs still held, each with whether its cancel was asked for.

    A run missing from the answer was lost: to another worker, or because it was ended.
    """
    if not leases:
        return {}
    pairs = [(lease.run_id, lease.attempt) for lease in leases]
    rows = session.connection().execute(
        _RENEW, {"held": pairs, "lease_ms": int(lease_seconds * 1000)}
    )
    return {row.id: row.cancel_requested for row in rows}


# built once: a worker sends it five times a second
_RENEW = (
    update(Run)
    .where(
        tuple_(Run.id, Run.attempt).in_(bindparam("held", expanding=True)),
        Run.status == "running",
    )
    .values(lease_expires_at=now_ms() + bindparam("lease_ms", type_=BigInteger))
    .returning(Run.id, Run.cancel_requested)
)


def end(session: Session, lease: Lease, target: State, **values: Any) -> bool:
    """End a run, or hand it back as queued, setting further columns; False if it was lost."""
    if target in ENDED:
        values["ended_at"] = now_ms()
    found = session.execute(
        update(Run)
        .where(_held(lease), Run.status.in_(sources_of(target)))
        .values(status=target, lease_expires_at=None, **values)
        .returning(Run.id)
    ).first()
    return found is not None


def cancel_queued(session: Session, experiment_id: int) -> Sequence[int]:
    """Cancel the runs of an experiment that wait; return their ids."""
    return session.scalars(
        update(Run)
        .where(Run.experiment_id == experiment_id, Run.status == "queued")
        .values(status="cancelled", ended_at=now_ms())
        .returning(Run.id)
    ).all()


def request_cancel(session: Session, experiment_id: int) -> None:
    """Ask the workers that train an experiment's runs to end them."""
    session.execute(
        update(Run)
        .where(Run.experiment_id == experiment_id, Run.status == "running")
        .values(cancel_requested=True)
    )


def reap(session: Session) -> list[Lease]:
    """Re-queue the runs whose lease has run out; those asked to cancel are cancelled instead.

    Returns the leases that ended, whichever way.
    """
    expired = and_(Run.status == "running", Run.lease_expires_at < now_ms())
    cancelled = update(Run).where(expired, Run.cancel_requested)
    queued = update(Run).where(expired, ~Run.cancel_requested)
    rows = [
        *session.execute(
            cancelled.values(
                status="cancelled", lease_expires_at=None, ended_at=now_ms()
            ).returning(Run.id, Run.experiment_id, Run.attempt)
        ),
        *session.execute(
            queued.values(status="queued", lease_expires_at=None, sent_at=None).returning(
                Run.id, Run.experiment_id, Run.attempt
            )
        ),
    ]
    return [Lease(*row) for row in rows]


def waiting(session: Session, *, sent_before_seconds: float, limit: int = 1000) -> Sequence[int]:
    """Return queued runs whose message was never sent, or sent longer ago than that."""
    return session.scalars(
        select(Run.id)
        .where(
            Run.status == "queued",
            or_(Run.sent_at.is_(None), Run.sent_at < now_ms() - int(sent_before_seconds * 1000)),
        )
        .order_by(Run.id)
        .limit(limit)
    ).all()


def mark_sent(session: Session, run_ids: Sequence[int]) -> None:
    """Note that a message for these runs was handed to the broker."""
    session.execute(update(Run).where(Run.id.in_(run_ids)).values(sent_at=now_ms()))


def _held(lease: Lease) -> ColumnElement[bool]:
    return and_(Run.id == lease.run_id, Run.attempt == lease.attempt, Run.status == "running")


def _in(seconds: float) -> ColumnElement[int]:
    return now_ms() + int(seconds * 1000)

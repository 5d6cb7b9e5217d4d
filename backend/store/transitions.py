"""Leases and states of runs: every change of either is a compare-and-set.

A claim grants a lease: the run's attempt number, valid until `lease_expires_at`. A write under an
older attempt, or to a run that is no longer running, matches no row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    and_,
    bindparam,
    case,
    exists,
    func,
    null,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from backend.runs.states import ENDED, TRANSITIONS, UNENDED, State, sources_of
from backend.specification.params import JsonObject
from backend.store.bulk import chunks
from backend.store.engine import effects_of, now_ms
from backend.store.runs import in_experiment, trained_here
from backend.store.tables import Experiment, ExternalRun, PlannedRun, Run

MAX_WORKERS_LOST = 3
UNKNOWN_ATTEMPTS = 1_000_000  # more than a run can have had since a backup
LOST = (
    f"Stopped because {MAX_WORKERS_LOST} workers in a row died while training this run. "
    "It may need more memory than a worker has."
)
AGENTS_LOST = (
    f"Stopped because {MAX_WORKERS_LOST} agents in a row were lost before this run logged "
    "anything. It may need more memory than their machines have."
)


@dataclass(frozen=True)
class Lease:
    """The right to train one run."""

    run_id: int
    experiment_id: int
    attempt: int

    @property
    def ids(self) -> dict[str, object]:
        """The ids that a log line about the run has."""
        return {"run": self.run_id, "experiment": self.experiment_id, "attempt": self.attempt}


@dataclass(frozen=True)
class Claimed:
    """A claimed run with its flat hyperparameters."""

    lease: Lease
    params: JsonObject


@dataclass(frozen=True)
class Ending:
    """The state to which a lease holder moves a run: an ended state, or queued again."""

    lease: Lease
    target: State
    error: str | None = None


@dataclass(frozen=True)
class Moved:
    """A run that was moved to another state."""

    run_id: int
    experiment_id: int
    epoch: int
    attempt: int
    state: State

    @property
    def ended(self) -> bool:
        """Return whether the new state ends the run."""
        return self.state in ENDED


def claim(
    session: Session, run_ids: Sequence[int], *, worker: str, lease_seconds: float
) -> list[Claimed]:
    """Claim the queued runs among `run_ids` for `worker`, in the given order."""
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
        .returning(Run.id, Run.experiment_id, Run.attempt, Run.params)
    ).all()
    claimed = {
        row.id: Claimed(Lease(row.id, row.experiment_id, row.attempt), row.params) for row in rows
    }
    return [claimed[run_id] for run_id in dict.fromkeys(run_ids) if run_id in claimed]


def renew(session: Session, leases: Sequence[Lease], *, lease_seconds: float) -> dict[int, bool]:
    """Extend leases; return the runs still held, each with whether its cancellation was requested.

    A run that is missing from the result was lost: another worker has it, or it was ended.
    """
    if not leases:
        return {}
    pairs = [(lease.run_id, lease.attempt) for lease in leases]
    rows = session.connection().execute(
        _RENEW, {"held": pairs, "lease_ms": int(lease_seconds * 1000)}
    )
    return {row.id: row.cancel_requested for row in rows}


# Built once, because a worker sends this statement five times per second.
_RENEW = (
    update(Run)
    .where(
        tuple_(Run.id, Run.attempt).in_(bindparam("held", expanding=True)),
        Run.status == "running",
    )
    .values(lease_expires_at=now_ms() + bindparam("lease_ms", type_=BigInteger))
    .returning(Run.id, Run.cancel_requested)
)


def end(session: Session, endings: Sequence[Ending]) -> None:
    """End runs, or return them to the queue. Runs that were lost are not changed."""
    for target in TRANSITIONS["running"] & {ending.target for ending in endings}:
        times: dict[str, object] = {"ended_at": now_ms()} if target in ENDED else {"sent_at": None}
        statement = (
            update(Run)
            .where(
                Run.id == bindparam("held_id"),
                Run.attempt == bindparam("held_attempt"),
                Run.status == "running",
            )
            .values(status=target, lease_expires_at=None, error=bindparam("why"), **times)
        )
        rows = [
            {
                "held_id": ending.lease.run_id,
                "held_attempt": ending.lease.attempt,
                "why": ending.error,
            }
            for ending in endings
            if ending.target == target
        ]
        session.connection().execute(statement, rows)


def request_cancel(session: Session, experiment_id: int) -> None:
    """Request that workers end the running and queued runs of an experiment."""
    session.execute(
        update(Run)
        .where(Run.experiment_id == experiment_id, Run.status.in_(UNENDED))
        .values(cancel_requested=True)
    )


def cancel_queued(session: Session, experiment_id: int) -> list[Moved]:
    """Cancel the queued runs of an experiment."""
    queued = and_(Run.experiment_id == experiment_id, Run.status == "queued")
    return _move(session, queued, "cancelled", ended_at=now_ms())


def request_cancel_of(session: Session, run_ids: Sequence[int]) -> list[Moved]:
    """Cancel the queued runs among `run_ids`, and request that workers end the others."""
    moved = []
    for chunk in chunks(run_ids):
        unended = and_(Run.id.in_(chunk), Run.status.in_(UNENDED))
        session.execute(update(Run).where(unended).values(cancel_requested=True))
        queued = and_(Run.id.in_(chunk), Run.status == "queued")
        moved += _move(session, queued, "cancelled", ended_at=now_ms())
    return moved


def requeue(
    session: Session, experiment_id: int, status: State, run_id: int | None = None
) -> list[Moved]:
    """Queue the failed or the cancelled runs of an experiment, or one of them, again.

    The next claim raises their attempt number, as any claim does. The number of workers that a run
    lost is kept: the run is sent alone, and fails if the next worker dies before an epoch.
    """
    ours = or_(trained_here(), Run.id.in_(select(PlannedRun.run_id)))
    chosen = and_(in_experiment(experiment_id), Run.status == status, ours)
    if run_id is not None:
        chosen = and_(chosen, Run.id == run_id)
    cleared = ("error", "ended_at", "sent_at", "early_stop_epoch", "verdict", "diagnosis")
    effects_of(session).runs_queued = True
    return _move(
        session, chosen, "queued", cancel_requested=False, **dict.fromkeys(cleared, null())
    )


def now(session: Session) -> int:
    """Return the time by the database's clock, in milliseconds since 1970."""
    return session.execute(select(now_ms())).scalar_one()


def restart_leases(
    session: Session,
    *,
    lease_seconds: float,
    agent_lease_seconds: float | None = None,
    shorten: bool = True,
) -> None:
    """Set every lease to end `lease_seconds` from now, except leases that are being renewed.

    Those of agents end `agent_lease_seconds` from now. Without `shorten`, leases that end later are
    not changed.
    """
    for condition, seconds in (
        (trained_here(), lease_seconds),
        (~trained_here(), agent_lease_seconds or lease_seconds),
    ):
        leased = and_(Run.status == "running", Run.lease_expires_at.is_not(None), condition)
        if not shorten:
            leased = and_(leased, Run.lease_expires_at < _in(seconds))
        free = select(Run.id).where(leased).with_for_update(key_share=True, skip_locked=True)
        session.execute(
            update(Run).where(leased, Run.id.in_(free)).values(lease_expires_at=_in(seconds))
        )


def revoke_all_leases(session: Session) -> list[Moved]:
    """Queue all unended runs, and invalidate all earlier leases.

    For a restored database: workers may hold leases that were granted after its backup.
    """
    session.execute(update(Run).values(attempt=Run.attempt + UNKNOWN_ATTEMPTS))
    session.execute(update(Run).where(Run.status == "queued").values(sent_at=None))
    leased = and_(Run.status == "running", Run.lease_expires_at.is_not(None))
    return _move(session, leased, "queued", sent_at=None)


def reap(session: Session) -> list[Moved]:
    """Take back the runs whose lease has expired.

    They are queued again, with two exceptions: a run whose cancellation was requested is cancelled,
    and a run that lost MAX_WORKERS_LOST workers or agents without an epoch in between, and so is
    probably the cause, fails. Runs that a worker has locked, blocked in the middle of a write, are
    skipped and taken back by a later call.
    """
    has_logged = exists().where(ExternalRun.run_id == Run.id, ExternalRun.batches > 0)
    fatal = and_(Run.workers_lost + 1 >= MAX_WORKERS_LOST, ~has_logged)
    lost = case((has_logged, 0), else_=Run.workers_lost + 1)
    error = case((trained_here(), LOST), else_=AGENTS_LOST)
    moved: list[Moved] = []
    for chunk in chunks(_lock_expired(session)):
        expired = and_(Run.id.in_(chunk), Run.status == "running")
        moved += [
            *_move(session, and_(expired, Run.cancel_requested), "cancelled", ended_at=now_ms()),
            *_move(session, and_(expired, fatal), "failed", ended_at=now_ms(), error=error),
            *_move(session, expired, "queued", sent_at=None, workers_lost=lost),
        ]
    return moved


def _lock_expired(session: Session) -> Sequence[int]:
    """Lock runs with an expired lease, and their experiments, which count the changes.

    Skips rows that another transaction has locked. SQLite has one writer and does not lock rows.
    """
    query = select(Run.id).join(Experiment, Experiment.id == Run.experiment_id)
    expired = query.where(Run.status == "running", Run.lease_expires_at < now_ms())
    return session.scalars(
        expired.with_for_update(key_share=True, skip_locked=True, of=[Run, Experiment])
    ).all()


def _move(
    session: Session, condition: ColumnElement[bool], target: State, **values: object
) -> list[Moved]:
    """Move the runs that match a condition to a state, whether or not a worker holds them."""
    rows = session.execute(
        update(Run)
        .where(condition)
        .values(status=target, lease_expires_at=None, **values)
        .returning(Run.id, Run.experiment_id, Run.epoch, Run.attempt)
    )
    moved = [Moved(*row, state=target) for row in rows]
    session.expire_all()  # rows that were read before have old values
    return moved


def _in(seconds: float) -> ColumnElement[int]:
    return now_ms() + int(seconds * 1000)

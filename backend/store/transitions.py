"""Who may train a run, and what state it is in: every change of either is a compare-and-set.

A claim hands out a lease: the run's attempt number, valid until `lease_expires_at`. A write
under an older attempt, or on a run that is no longer running, matches no row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    and_,
    bindparam,
    func,
    null,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from backend.runs.states import ENDED, TRANSITIONS, State, sources_of
from backend.store.bulk import chunks
from backend.store.engine import now_ms
from backend.store.runs import in_experiment
from backend.store.tables import Experiment, Run

MAX_LOST = 3
UNKNOWN_ATTEMPTS = 1_000_000  # more than a run can have had since a backup
LOST = (
    f"Stopped after {MAX_LOST} workers in a row ended without a word while training this run; "
    "it may need more memory than there is."
)


@dataclass(frozen=True)
class Lease:
    """The right to train one run."""

    run_id: int
    experiment_id: int
    attempt: int

    @property
    def ids(self) -> dict[str, object]:
        """What a line of the log about the run names."""
        return {"run": self.run_id, "experiment": self.experiment_id, "attempt": self.attempt}


@dataclass(frozen=True)
class Claimed:
    """A run that was claimed, with what training needs of it."""

    lease: Lease
    params: dict[str, Any]


@dataclass(frozen=True)
class Ending:
    """What a lease holder brings a run to: an end, or back to the queue."""

    lease: Lease
    target: State
    error: str | None = None


@dataclass(frozen=True)
class Moved:
    """A run that was brought to another state."""

    run_id: int
    experiment_id: int
    epoch: int
    attempt: int
    state: State

    @property
    def ended(self) -> bool:
        """Whether it is not trained any more."""
        return self.state in ENDED


def claim(
    session: Session, run_ids: Sequence[int], *, worker: str, lease_seconds: float
) -> list[Claimed]:
    """Take those of `run_ids` that wait for `worker`, in their order."""
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


def end(session: Session, endings: Sequence[Ending]) -> None:
    """End runs, or hand them back as queued. Those that were lost stay as they are."""
    for target in TRANSITIONS["running"] & {ending.target for ending in endings}:
        times: dict[str, Any] = {"ended_at": now_ms()} if target in ENDED else {"sent_at": None}
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
            {"held_id": one.lease.run_id, "held_attempt": one.lease.attempt, "why": one.error}
            for one in endings
            if one.target == target
        ]
        session.connection().execute(statement, rows)


def request_cancel(session: Session, experiment_id: int) -> None:
    """Ask whoever has, or takes, an experiment's runs to end them."""
    session.execute(
        update(Run)
        .where(Run.experiment_id == experiment_id, Run.status.in_(("queued", "running")))
        .values(cancel_requested=True)
    )


def cancel_queued(session: Session, experiment_id: int) -> list[Moved]:
    """Cancel the runs of an experiment that wait."""
    waits = and_(Run.experiment_id == experiment_id, Run.status == "queued")
    return _move(session, waits, "cancelled", ended_at=now_ms())


def request_cancel_of(session: Session, run_ids: Sequence[int]) -> list[Moved]:
    """Cancel those of some runs that wait, and ask the workers of the others to end them."""
    moved = []
    for some in chunks(run_ids):
        asked = and_(Run.id.in_(some), Run.status.in_(("queued", "running")))
        session.execute(update(Run).where(asked).values(cancel_requested=True))
        waits = and_(Run.id.in_(some), Run.status == "queued")
        moved += _move(session, waits, "cancelled", ended_at=now_ms())
    return moved


def retry(session: Session, experiment_id: int, run_id: int | None = None) -> list[Moved]:
    """Have the failed runs of an experiment, or one of them, wait again.

    The next claim raises their attempt number, as any claim does. That a run lost workers is not
    forgotten: it is sent alone, and fails with the next one lost before an epoch.
    """
    failed = and_(in_experiment(experiment_id), Run.status == "failed")
    if run_id is not None:
        failed = and_(failed, Run.id == run_id)
    forgotten = ("error", "ended_at", "sent_at", "early_stop_epoch", "verdict", "diagnosis")
    return _move(
        session, failed, "queued", cancel_requested=False, **dict.fromkeys(forgotten, null())
    )


def now(session: Session) -> int:
    """Return the time by the database's clock, in milliseconds since 1970."""
    return session.execute(select(now_ms())).scalar_one()


def restart_leases(session: Session, *, lease_seconds: float, shorten: bool = True) -> None:
    """Have every lease end so many seconds from now, but for those being renewed at this moment.

    Without `shorten` those that end later stay as they are.
    """
    running = Run.status == "running"
    if not shorten:
        running = and_(running, Run.lease_expires_at < _in(lease_seconds))
    free = select(Run.id).where(running).with_for_update(key_share=True, skip_locked=True)
    session.execute(
        update(Run).where(running, Run.id.in_(free)).values(lease_expires_at=_in(lease_seconds))
    )


def revoke_all_leases(session: Session) -> list[Moved]:
    """Have all that has not ended wait, and no lease of before be valid again.

    For a restored database: workers may hold leases that were handed out after its backup.
    """
    session.execute(update(Run).values(attempt=Run.attempt + UNKNOWN_ATTEMPTS))
    session.execute(update(Run).where(Run.status == "queued").values(sent_at=None))
    return _move(session, Run.status == "running", "queued", sent_at=None)


def reap(session: Session) -> list[Moved]:
    """Take back the runs whose lease has run out.

    They wait again; unless they were to be cancelled, or lost MAX_LOST workers without an epoch
    between, which points to the run as the cause: then they are cancelled, or failed. What a
    worker has locked, asleep within a write, is taken at a later look: nobody else waits for it.
    """
    fatal = Run.workers_lost + 1 >= MAX_LOST
    moved: list[Moved] = []
    for some in chunks(_lock_expired(session)):
        expired = and_(Run.id.in_(some), Run.status == "running")
        moved += [
            *_move(session, and_(expired, Run.cancel_requested), "cancelled", ended_at=now_ms()),
            *_move(session, and_(expired, fatal), "failed", ended_at=now_ms(), error=LOST),
            *_move(session, expired, "queued", sent_at=None, workers_lost=Run.workers_lost + 1),
        ]
    return moved


def _lock_expired(session: Session) -> Sequence[int]:
    """Lock runs whose lease has run out, and their experiments, where the changes are counted.

    Leaves out what another transaction has locked. SQLite has one writer, and locks no rows.
    """
    query = select(Run.id).join(Experiment, Experiment.id == Run.experiment_id)
    expired = query.where(Run.status == "running", Run.lease_expires_at < now_ms())
    return session.scalars(
        expired.with_for_update(key_share=True, skip_locked=True, of=[Run, Experiment])
    ).all()


def _move(
    session: Session, condition: ColumnElement[bool], target: State, **values: Any
) -> list[Moved]:
    """Bring the runs of a condition to a state without their worker's consent."""
    rows = session.execute(
        update(Run)
        .where(condition)
        .values(status=target, lease_expires_at=None, **values)
        .returning(Run.id, Run.experiment_id, Run.epoch, Run.attempt)
    )
    return [Moved(*row, state=target) for row in rows]


def _in(seconds: float) -> ColumnElement[int]:
    return now_ms() + int(seconds * 1000)

"""Planned runs: external runs that wait here until an agent claims them and starts a command.

They have the states and leases of runs that are trained here, see `backend.store.transitions`. Each
attempt has its own client's id and starts without points, so nothing is lost or counted twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, delete, insert, null, or_, select, update
from sqlalchemy.orm import Session

from backend.store import bulk, changes, logged_points, transitions
from backend.store import run_params as searchable
from backend.store.changes import NewChange
from backend.store.external_runs import LoggedRun
from backend.store.logged_points import Batch
from backend.store.tables import (
    ConsoleChunk,
    Experiment,
    ExternalRun,
    PlannedRun,
    Run,
    RunTag,
    Sweep,
)
from backend.store.transitions import Ending, Lease

SOURCE = "sweep"
"""The source of these external runs."""
STOPPED_TAG = "sweep.stopped_by"  # holds the verdict at which a command was stopped
ATTEMPT_TAGS = ("overfit.", "sweep.")  # the beginnings of tags that tell about one attempt


@dataclass(frozen=True)
class NewSweep:
    """A sweep to store: the params of each run as text, and the columns of its table."""

    runs: Sequence[Mapping[str, str]]
    options: Mapping[str, str]
    command_digest: str
    stop_when: str | None
    user: str


def create(session: Session, experiment_id: int, sweep: NewSweep) -> list[int]:
    """Store a sweep and its runs as queued; return the ids of the runs."""
    session.execute(
        insert(Sweep).values(
            experiment_id=experiment_id,
            options=dict(sweep.options),
            command_digest=sweep.command_digest,
            stop_when=sweep.stop_when,
        )
    )
    run_ids = _insert_runs(session, experiment_id, sweep)
    searchable.add(session, dict(zip(run_ids, sweep.runs, strict=True)))
    changes.announce(session, [experiment_id])
    return run_ids


def _insert_runs(session: Session, experiment_id: int, sweep: NewSweep) -> list[int]:
    """Store the runs of a sweep as queued and external; return their ids."""
    run_ids = session.scalars(
        insert(Run).returning(Run.id, sort_by_parameter_order=True),
        [
            {
                "experiment_id": experiment_id,
                "position": position,
                "params": dict(params),
                "parameters": 0,
            }
            for position, params in enumerate(sweep.runs)
        ],
    ).all()
    planned = list(zip(run_ids, sweep.runs, (uuid4().hex for _ in run_ids), strict=True))
    session.execute(
        insert(ExternalRun),
        [
            {
                "run_id": run_id,
                "external_id": attempt_id(base_id, 0),
                "run_name": _name(params),
                "user_name": sweep.user,
                "source": SOURCE,
            }
            for run_id, params, base_id in planned
        ],
    )
    session.execute(
        insert(PlannedRun),
        [{"run_id": run_id, "base_id": base_id} for run_id, _, base_id in planned],
    )
    return list(run_ids)


def attempt_id(base_id: str, attempt: int) -> str:
    """Return the id by which the programs of an attempt name their run."""
    return f"{base_id}-{attempt}"


def _name(params: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in params.items())[:200]


def sweep_of(session: Session, experiment_id: int) -> Sweep | None:
    """Return the sweep of an experiment, None for any other experiment."""
    return session.get(Sweep, experiment_id)


def sweeps_among(session: Session, experiment_ids: Sequence[int]) -> set[int]:
    """Return those of `experiment_ids` that are sweeps."""
    return {
        id_
        for chunk in bulk.chunks(experiment_ids)
        for id_ in session.scalars(
            select(Sweep.experiment_id).where(Sweep.experiment_id.in_(chunk))
        )
    }


def of_run(session: Session, run_id: int) -> PlannedRun | None:
    """Return the planned part of a run, None for any other run."""
    return session.get(PlannedRun, run_id)


def condition() -> ColumnElement[bool]:
    """Return the condition for planned runs."""
    return Run.id.in_(select(PlannedRun.run_id))


@dataclass(frozen=True)
class Wanted:
    """The runs that an agent may claim: of one experiment, or of all with the same command."""

    experiment_id: int | None
    command_digest: str | None


def waiting(session: Session, wanted: Wanted, limit: int, *, lock: bool = True) -> list[int]:
    """Return the next queued runs that an agent may claim, and lock them unless `lock` is false.

    Runs that lost an agent come after all others of their priority.
    """
    query = (
        select(Run.id)
        .join(Experiment, Experiment.id == Run.experiment_id)
        .join(Sweep, Sweep.experiment_id == Experiment.id)
        .where(Run.status == "queued", Run.deleted_at.is_(None), Experiment.deleted_at.is_(None))
        .order_by(Experiment.priority.desc(), Run.workers_lost, Experiment.id, Run.position)
        .limit(limit)
    )
    if lock:
        query = query.with_for_update(of=Run, skip_locked=True)
    if wanted.experiment_id is not None:
        query = query.where(Experiment.id == wanted.experiment_id)
    if wanted.command_digest is not None:
        query = query.where(Sweep.command_digest == wanted.command_digest)
    return list(session.scalars(query))


@dataclass(frozen=True)
class Grant:
    """A run that an agent holds: what it needs to start the command."""

    lease: Lease
    external_id: str
    params: Mapping[str, str]
    options: Mapping[str, str]


def claim(
    session: Session, run_ids: Sequence[int], *, agent: str, lease_seconds: float
) -> list[Lease]:
    """Grant queued runs to an agent. What an earlier attempt logged is removed."""
    claimed = transitions.claim(session, run_ids, worker=agent, lease_seconds=lease_seconds)
    leases = [run.lease for run in claimed]
    again = [lease.run_id for lease in leases if lease.attempt > 1]
    _forget_attempt(session, again)
    for lease in leases:
        base_id = session.execute(
            select(PlannedRun.base_id).where(PlannedRun.run_id == lease.run_id)
        ).scalar_one()
        session.execute(
            update(ExternalRun)
            .where(ExternalRun.run_id == lease.run_id)
            .values(external_id=attempt_id(base_id, lease.attempt))
        )
    session.expire_all()  # rows that were read before have old values
    changes.log_each(
        session, [(lease.experiment_id, NewChange(lease.run_id, "status")) for lease in leases]
    )
    return leases


def held_by(session: Session, agent: str) -> list[Grant]:
    """Return the running runs of an agent, with all that it needs to start them."""
    rows = session.execute(
        select(Run, ExternalRun.external_id, Sweep.options)
        .join(ExternalRun, ExternalRun.run_id == Run.id)
        .join(PlannedRun, PlannedRun.run_id == Run.id)
        .join(Sweep, Sweep.experiment_id == Run.experiment_id)
        .where(Run.status == "running", Run.worker == agent)
        .order_by(Run.experiment_id, Run.position)
    )
    return [
        Grant(
            Lease(run.id, run.experiment_id, run.attempt),
            external_id,
            {name: str(run.params[name]) for name in options if name in run.params},
            options,
        )
        for run, external_id, options in rows
    ]


def _forget_attempt(session: Session, run_ids: Sequence[int]) -> None:
    """Remove the points, params, verdict and output of the former attempt of runs."""
    if not run_ids:
        return
    logged_points.forget(session, run_ids)
    for chunk in bulk.chunks(run_ids):
        session.execute(delete(ConsoleChunk).where(ConsoleChunk.run_id.in_(chunk)))
        of_attempt = or_(*(RunTag.key.startswith(prefix) for prefix in ATTEMPT_TAGS))
        session.execute(delete(RunTag).where(RunTag.run_id.in_(chunk), of_attempt))
        session.execute(
            update(PlannedRun)
            .where(PlannedRun.run_id.in_(chunk))
            .values(exit_code=None, console_bytes=0, has_reading=False)
        )
        cleared = dict.fromkeys(("verdict", "diagnosis", "early_stop_epoch"), null())
        session.execute(update(Run).where(Run.id.in_(chunk)).values(epoch=0, **cleared))
    _restore_params(session, run_ids)


def _restore_params(session: Session, run_ids: Sequence[int]) -> None:
    """Remove the params that the former attempt logged; those of the sweep stay."""
    rows = session.execute(
        select(Run.id, Run.params, Sweep.options)
        .join(Sweep, Sweep.experiment_id == Run.experiment_id)
        .where(Run.id.in_(run_ids))
    ).all()
    planned = {
        run_id: {name: value for name, value in params.items() if name in options}
        for run_id, params, options in rows
        if set(params) - set(options)
    }
    searchable.remove(session, list(planned))
    searchable.add(session, planned)
    for run_id, params in planned.items():
        session.execute(update(Run).where(Run.id == run_id).values(params=params))


@dataclass(frozen=True)
class HeldRun:
    """A run that an agent still holds, with the facts that may be a reason to stop it."""

    run: LoggedRun
    cancel_requested: bool
    stop_when: str | None
    verdict: str | None
    kind: str | None
    batches: int


def renew(
    session: Session, leases: Sequence[tuple[int, int]], *, agent: str, lease_seconds: float
) -> dict[int, HeldRun]:
    """Extend the leases of an agent, given as (run, attempt); return the runs still held."""
    rows = session.execute(
        select(Run, ExternalRun, Sweep.stop_when)
        .join(ExternalRun, ExternalRun.run_id == Run.id)
        .join(PlannedRun, PlannedRun.run_id == Run.id)
        .join(Sweep, Sweep.experiment_id == Run.experiment_id)
        .where(Run.id.in_([run_id for run_id, _ in leases]), Run.worker == agent)
        .order_by(Run.id)
        .with_for_update(of=ExternalRun)  # as `external_runs.locate` locks
    ).all()
    known = {run.id: (run, external, stop_when) for run, external, stop_when in rows}
    mine = [Lease(id_, known[id_][0].experiment_id, n) for id_, n in leases if id_ in known]
    _take_again(session, mine)
    held = transitions.renew(session, mine, lease_seconds=lease_seconds)
    return {
        run_id: HeldRun(
            LoggedRun(
                run_id, run.experiment_id, external.external_id, "running",
                deleted=run.deleted_at is not None, source=SOURCE,
            ),
            held[run_id],
            stop_when,
            run.verdict,
            run.kind,
            external.batches,
        )
        for run_id, (run, external, stop_when) in known.items()
        if run_id in held
    }  # fmt: skip


READ_BATCHES = 1  # the points of a reading are one batch, which the next reading replaces


def replace_reading(session: Session, held: HeldRun, points: Batch) -> bool:
    """Store points that were read in the output of a run, in place of those of the last reading.

    Returns False, and changes nothing, if the program itself has logged points.
    """
    run_id = held.run.run_id
    planned = session.get_one(PlannedRun, run_id)
    own = READ_BATCHES if planned.has_reading else 0
    if held.batches != own:
        return False
    logged_points.remove_points(session, [run_id])
    logged_points.append(session, [(held.run, points)])
    session.execute(
        update(PlannedRun).where(PlannedRun.run_id == run_id).values(has_reading=len(points) > 0)
    )
    session.expire_all()  # rows that were read before have old values
    return True


def _take_again(session: Session, leases: Sequence[Lease]) -> None:
    """Let runs go on that were taken back while their agent was away, but not claimed since."""
    for lease in leases:
        waiting = and_(Run.id == lease.run_id, Run.attempt == lease.attempt)
        taken = session.execute(
            update(Run)
            .where(waiting, Run.status == "queued", Run.cancel_requested.is_(False))
            .values(status="running", workers_lost=0)
            .returning(Run.id)
        )
        if taken.first():
            changes.log(session, lease.experiment_id, [NewChange(lease.run_id, "status")])


def end(session: Session, ending: Ending, *, exit_code: int | None) -> None:
    """End or return a run whose lease the caller has renewed in this transaction."""
    transitions.end(session, [ending])
    lease = ending.lease
    session.execute(
        update(PlannedRun).where(PlannedRun.run_id == lease.run_id).values(exit_code=exit_code)
    )
    session.expire_all()  # rows that were read before have old values
    changes.log(session, lease.experiment_id, [NewChange(lease.run_id, "status")])


def has_ended_so(session: Session, run_id: int, attempt: int, *, agent: str) -> bool:
    """Return whether an attempt of an agent has ended: its report was received before."""
    query = select(Run.id).where(
        and_(Run.id == run_id, Run.attempt == attempt, Run.worker == agent),
        Run.status != "running",
        condition(),
    )
    return session.scalar(query) is not None

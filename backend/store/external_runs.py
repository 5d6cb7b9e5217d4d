"""External runs: created, located by the client's id, and changed as their client reports.

Runs that workers train change their state in `backend.store.transitions`. The state of an external
run is what its client says, except that a silent run counts as lost.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from sqlalchemy import bindparam, case, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from backend.errors import NotFound
from backend.runs.states import ENDED, State
from backend.specification.params import JsonObject
from backend.store import bulk, changes
from backend.store import run_params as searchable
from backend.store.changes import NewChange
from backend.store.engine import VerdictTurn, effects_of, now_ms
from backend.store.prepared import Prepared
from backend.store.tables import Experiment, ExternalRun, Run, RunDataset, RunTag


@dataclass(frozen=True)
class NewRun:
    """A run that a client starts. Times are in milliseconds since 1970, by the client's clock."""

    external_id: str
    name: str
    user: str
    source: str
    start_time: int | None = None


SILENT_ENDS = ("trackio",)
"""Sources whose clients never report the end of a run."""


@dataclass(frozen=True)
class LoggedRun:
    """An external run that a client writes to. A run is deleted with its experiment, too.

    `source` is the way in which it arrives.
    """

    run_id: int
    experiment_id: int
    external_id: str
    status: State
    deleted: bool
    source: str

    @property
    def ends_by_silence(self) -> bool:
        """True if its client never reports an end, so that a silent run has finished."""
        return self.source in SILENT_ENDS


def create(session: Session, experiment_id: int, new: NewRun) -> LoggedRun:
    """Store a running run without params and points, after the other runs of its experiment."""
    experiment = select(Experiment.id).where(Experiment.id == experiment_id)
    session.execute(experiment.with_for_update()).one()  # a position is given once
    of_experiment = Run.experiment_id == experiment_id
    last = session.scalar(select(func.max(Run.position)).where(of_experiment))
    run_id = session.scalars(
        insert(Run)
        .values(
            experiment_id=experiment_id,
            position=0 if last is None else last + 1,
            params={},
            parameters=0,
            status="running",
            started_at=now_ms() if new.start_time is None else new.start_time,
        )
        .returning(Run.id)
    ).one()
    session.execute(
        insert(ExternalRun).values(
            run_id=run_id,
            external_id=new.external_id,
            run_name=new.name,
            user_name=new.user,
            source=new.source,
            start_time=new.start_time,
        )
    )
    changes.log(session, experiment_id, [NewChange(run_id, "status")])
    return LoggedRun(
        run_id, experiment_id, new.external_id, "running", deleted=False, source=new.source
    )


def locate(session: Session, external_ids: Iterable[str]) -> dict[str, LoggedRun]:
    """Lock the runs that clients name, until the end of the transaction; return those that exist.

    The runs are locked in the order of their ids, so two writers never deadlock.
    """
    wanted = sorted(set(external_ids))
    rows: list[Any]
    if len(wanted) == 1:
        rows = list[Any](_LOCATE_ONE.execute(session, {"external_id": wanted[0]}))
    else:
        connection = session.connection()
        rows = [
            row
            for chunk in bulk.chunks(wanted)
            for row in connection.execute(_LOCATE, {"external_ids": chunk})
        ]
    return {
        external_id: LoggedRun(
            run_id, experiment_id, external_id, cast(State, status), bool(deleted), source
        )
        for external_id, run_id, experiment_id, status, deleted, source in rows
    }


# Built once, because clients log hundreds of times per second.
_LOCATED = (
    select(
        ExternalRun.external_id,
        Run.id,
        Run.experiment_id,
        Run.status,
        or_(Run.deleted_at.is_not(None), Experiment.deleted_at.is_not(None)),
        ExternalRun.source,
    )
    .join(Run, Run.id == ExternalRun.run_id)
    .join(Experiment, Experiment.id == Run.experiment_id)
    .with_for_update(of=ExternalRun)
)
_LOCATE = _LOCATED.where(
    ExternalRun.external_id.in_(bindparam("external_ids", expanding=True))
).order_by(ExternalRun.run_id)
_LOCATE_ONE = Prepared(_LOCATED.where(ExternalRun.external_id == bindparam("external_id")))


class StoredRun(NamedTuple):
    """An external run: the row that every run has, and the row that only external runs have."""

    run: Run
    external: ExternalRun


def get(session: Session, external_id: str) -> StoredRun:
    """Return a run, deleted or not. Raises NotFound."""
    query = select(Run, ExternalRun).join(ExternalRun, ExternalRun.run_id == Run.id)
    row = session.execute(query.where(ExternalRun.external_id == external_id)).first()
    if row is None:
        raise NotFound(f"There is no run {external_id}.")
    return StoredRun(row[0], row[1])


def of_experiment(session: Session, experiment_id: int) -> list[ExternalRun]:
    """Return the external part of the runs of an experiment that are not deleted, oldest first."""
    query = select(ExternalRun).join(Run, Run.id == ExternalRun.run_id)
    of_it = Run.experiment_id == experiment_id, Run.deleted_at.is_(None)
    return list(session.scalars(query.where(*of_it).order_by(Run.id)))


def of_runs(session: Session, run_ids: Sequence[int]) -> dict[int, ExternalRun]:
    """Return the external part of those of `run_ids` that have one."""
    return {
        row.run_id: row
        for chunk in bulk.chunks(run_ids)
        for row in session.scalars(select(ExternalRun).where(ExternalRun.run_id.in_(chunk)))
    }


def among(session: Session, run_ids: Sequence[int]) -> set[int]:
    """Return those of `run_ids` that are external runs."""
    return {
        run_id
        for chunk in bulk.chunks(run_ids)
        for run_id in session.scalars(
            select(ExternalRun.run_id).where(ExternalRun.run_id.in_(chunk))
        )
    }


FAILED = "The program that trained this run reported that it failed."


def set_status(
    session: Session,
    run: LoggedRun,
    status: State,
    *,
    client_status: str | None = None,
    end_time: int | None = None,
) -> None:
    """Set the state that a client reports, in its own word, and the end by its clock.

    None keeps the word or the end that was reported before.
    """
    ended_at = (now_ms() if end_time is None else end_time) if status in ENDED else None
    session.execute(
        update(Run)
        .where(Run.id == run.run_id)
        .values(status=status, ended_at=ended_at, error=FAILED if status == "failed" else None)
    )
    session.execute(
        update(ExternalRun)
        .where(ExternalRun.run_id == run.run_id)
        .values(
            client_status=func.coalesce(client_status, ExternalRun.client_status),
            end_time=func.coalesce(end_time, ExternalRun.end_time),
            last_seen_at=now_ms(),
        )
    )
    session.expire_all()  # rows that were read before have old values
    changes.log(session, run.experiment_id, [NewChange(run.run_id, "status")])


SILENT_MS = 600_000  # a run is not lost before
SILENT_PAUSES = 10  # nor before this multiple of its longest pause
LOST_PER_CALL = 20  # each is diagnosed in the same transaction
LOST = "Nothing was logged for a long time: the program that trained this run may have died."


def note_client_status(
    session: Session, run: LoggedRun, client_status: str | None, end_time: int | None
) -> None:
    """Store what a client reports about a run whose state an agent decides."""
    session.execute(
        update(ExternalRun)
        .where(ExternalRun.run_id == run.run_id)
        .values(
            client_status=func.coalesce(client_status, ExternalRun.client_status),
            end_time=func.coalesce(end_time, ExternalRun.end_time),
            last_seen_at=now_ms(),
        )
    )
    session.expire_all()  # rows that were read before have old values


def lose_silent(session: Session, *, listening_since: int) -> list[LoggedRun]:
    """End some running runs that have been silent for too long: as lost, or as finished if their
    client never reports an end.

    Too long is SILENT_MS, or SILENT_PAUSES times the longest pause between two writes so far if
    that is longer. Time before `listening_since` does not count.
    """
    pauses = SILENT_PAUSES * ExternalRun.longest_pause
    allowed = case((pauses > SILENT_MS, pauses), else_=SILENT_MS)
    silent = (
        select(ExternalRun.external_id)
        .join(Run, Run.id == ExternalRun.run_id)
        .where(
            Run.status == "running",
            Run.lease_expires_at.is_(None),  # an agent's lease says more than its silence
            ExternalRun.last_seen_at + allowed < now_ms(),
            listening_since + allowed < now_ms(),
        )
    )
    located = locate(session, session.scalars(silent.limit(LOST_PER_CALL)).all())
    for run in located.values():
        last_seen = select(ExternalRun.last_seen_at).where(ExternalRun.run_id == run.run_id)
        ended = (
            {"status": "finished", "ended_at": last_seen.scalar_subquery()}
            if run.ends_by_silence
            else {"status": "lost", "ended_at": now_ms(), "error": LOST}
        )
        session.execute(update(Run).where(Run.id == run.run_id).values(ended))
        changes.log(session, run.experiment_id, [NewChange(run.run_id, "status")])
    session.expire_all()  # rows that were read before have old values
    return list(located.values())


def resume(session: Session, runs: Iterable[LoggedRun]) -> None:
    """Set runs that ended by silence to running, because their client speaks again."""
    for run in runs:
        if run.status == "lost" or (run.status == "finished" and run.ends_by_silence):
            set_status(session, run, "running")


def rename(session: Session, run: LoggedRun, name: str) -> None:
    """Set the name of a run."""
    session.execute(
        update(ExternalRun).where(ExternalRun.run_id == run.run_id).values(run_name=name)
    )
    changes.log(session, run.experiment_id, [NewChange(run.run_id, "status")])


def params_of(session: Session, run: LoggedRun) -> dict[str, str]:
    """Return the params of a run."""
    return dict(session.execute(select(Run.params).where(Run.id == run.run_id)).scalar_one())


@dataclass(frozen=True)
class NewDiagnosis:
    """A diagnosis to store: the verdict, the diagnosis and the pairing of the losses as JSON.

    `batches` is the number of batches that it is based on.
    """

    verdict: str
    diagnosis: JsonObject
    pairing: JsonObject
    batches: int
    epoch: int
    best_epoch: int | None
    early_stop_epoch: int | None


def store_diagnosis(session: Session, run: LoggedRun, found: NewDiagnosis) -> None:
    """Store the diagnosis of a run. A verdict that turned is an effect of the transaction."""
    previous = session.scalar(select(Run.verdict).where(Run.id == run.run_id))
    if previous != found.verdict:
        turn = VerdictTurn(run.run_id, found.verdict, previous)
        effects_of(session).turned_verdicts.append(turn)
    session.execute(
        update(Run)
        .where(Run.id == run.run_id)
        .values(
            verdict=found.verdict,
            kind=found.diagnosis["kind"],
            severity=found.diagnosis["severity"],
            diagnosis=found.diagnosis,
            early_stop_epoch=found.early_stop_epoch,
            epoch=found.epoch,
        )
    )
    session.execute(
        update(ExternalRun)
        .where(ExternalRun.run_id == run.run_id)
        .values(pairing=found.pairing, diagnosed_batches=found.batches, best_epoch=found.best_epoch)
    )
    session.expire_all()  # rows that were read before have old values
    changes.log(session, run.experiment_id, [NewChange(run.run_id, "diagnosis")])


def diagnose_again(session: Session, experiment_id: int) -> list[str]:
    """Discard the state of diagnoses of an experiment's runs; return the client's ids of these."""
    own = select(Run.id).where(Run.experiment_id == experiment_id)
    statement = update(ExternalRun).where(ExternalRun.run_id.in_(own), ExternalRun.batches > 0)
    return list(
        session.scalars(statement.values(diagnosed_batches=-1).returning(ExternalRun.external_id))
    )


def undiagnosed(session: Session, limit: int) -> list[str]:
    """Return the client's ids of runs with points that their diagnosis does not include.

    The runs that were logged to last come last.
    """
    query = select(ExternalRun.external_id).where(
        ExternalRun.batches != ExternalRun.diagnosed_batches
    )
    return list(session.scalars(query.order_by(ExternalRun.last_seen_at).limit(limit)))


def add_params(session: Session, run: LoggedRun, params: Mapping[str, str]) -> None:
    """Add params that the run does not have yet; `locate` has locked it."""
    if not params:
        return
    everything = {**params_of(session, run), **params}
    session.execute(update(Run).where(Run.id == run.run_id).values(params=everything))
    session.expire_all()  # rows that were read before have old values
    searchable.add(session, {run.run_id: params})
    changes.log(session, run.experiment_id, [NewChange(run.run_id, "status")])


def set_tags(session: Session, run: LoggedRun, tags: Mapping[str, str | None]) -> None:
    """Set the tags of a run; a tag that is None is removed."""
    rows = [(run.run_id, key, value) for key, value in tags.items() if value is not None]
    bulk.upsert(session, RunTag, rows)
    removed = [key for key, value in tags.items() if value is None]
    if removed:
        session.execute(delete(RunTag).where(RunTag.run_id == run.run_id, RunTag.key.in_(removed)))
    changes.log(session, run.experiment_id, [NewChange(run.run_id, "status")])


@dataclass(frozen=True)
class Dataset:
    """A data set that a run used, as its client describes it."""

    name: str
    digest: str
    context: str | None
    details: JsonObject


def add_datasets(session: Session, run: LoggedRun, datasets: Sequence[Dataset]) -> None:
    """Add data sets to a run. A data set that it has already is not changed."""
    known = {(row.name, row.digest) for row in datasets_of(session, [run.run_id])[run.run_id]}
    new = {(row.name, row.digest): row for row in datasets if (row.name, row.digest) not in known}
    if new:
        rows = [{"run_id": run.run_id, **vars(dataset)} for dataset in new.values()]
        session.execute(insert(RunDataset), rows)


def datasets_of(session: Session, run_ids: Sequence[int]) -> dict[int, list[Dataset]]:
    """Return the data sets of runs, by name and digest."""
    by_run: dict[int, list[Dataset]] = {run_id: [] for run_id in run_ids}
    for chunk in bulk.chunks(run_ids):
        query = select(RunDataset).where(RunDataset.run_id.in_(chunk))
        for row in session.scalars(query.order_by(RunDataset.name, RunDataset.digest)):
            dataset = Dataset(row.name, row.digest, row.context, row.details)
            by_run[row.run_id].append(dataset)
    return by_run

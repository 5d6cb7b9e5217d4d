"""Artifacts of runs: checkpoints, snapshots, frames, samples and predictions, as bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from backend import work_budget
from backend.errors import NotFound
from backend.store import bulk
from backend.store.bulk import chunks
from backend.store.tables import Checkpoint, Frame, Prediction, Sample, Snapshot

SnapshotKind = Literal["best", "last"]


@dataclass(frozen=True)
class SnapshotInfo:
    """A stored snapshot without its bytes."""

    kind: str
    epoch: int
    has_fit: bool


def put_snapshots(
    session: Session, rows: Sequence[tuple[int, SnapshotKind, int, bytes, bytes | None]]
) -> None:
    """Store snapshots (run, kind, epoch, weights, fit), replacing earlier ones of their kind."""
    bulk.upsert(session, Snapshot, rows)


def get_snapshot(session: Session, run_id: int, kind: SnapshotKind) -> Snapshot:
    """Return a snapshot. Raises NotFound."""
    snapshot = session.get(Snapshot, (run_id, kind))
    if snapshot is None:
        raise NotFound(f"Run {run_id} has no {kind} snapshot yet.")
    return snapshot


def snapshot_infos(session: Session, run_id: int) -> Sequence[SnapshotInfo]:
    """Return a description of each snapshot of a run, best first."""
    rows = session.execute(
        select(Snapshot.kind, Snapshot.epoch, Snapshot.fit.is_not(None))
        .where(Snapshot.run_id == run_id)
        .order_by(Snapshot.kind)
    )
    return [SnapshotInfo(*row) for row in rows]


def snapshots_of(session: Session, run_id: int) -> Sequence[Snapshot]:
    """Return the snapshots of a run with their bytes, best first."""
    query = select(Snapshot).where(Snapshot.run_id == run_id).order_by(Snapshot.kind)
    return session.scalars(query).all()


def snapshot_fits(session: Session, run_id: int) -> dict[int, bytes]:
    """Return the fits of a run's snapshots by epoch; a snapshot may have none."""
    rows = session.execute(
        select(Snapshot.epoch, Snapshot.fit).where(
            Snapshot.run_id == run_id, Snapshot.fit.is_not(None)
        )
    )
    return {row.epoch: row.fit for row in rows}


def put_samples(session: Session, rows: Sequence[tuple[int, bytes]]) -> None:
    """Store the data points that are drawn with fits (run, points)."""
    bulk.upsert(session, Sample, rows)


def samples(session: Session, run_id: int) -> bytes | None:
    """Return the data points that are drawn with a run's fit, None if it has none."""
    return session.scalar(select(Sample.points).where(Sample.run_id == run_id))


def put_frames(session: Session, rows: Sequence[tuple[int, int, bytes]]) -> None:
    """Store coarse fits (run, epoch, fit)."""
    bulk.upsert(session, Frame, rows)


def frames(session: Session, run_id: int) -> dict[int, bytes]:
    """Return a run's coarse fits by epoch, ascending."""
    rows = session.execute(
        select(Frame.epoch, Frame.fit).where(Frame.run_id == run_id).order_by(Frame.epoch)
    )
    return {row.epoch: row.fit for row in rows}


def last_frame(session: Session, run_id: int) -> int:
    """Return the epoch of a run's newest coarse fit, 0 if it has none."""
    return session.scalar(select(func.max(Frame.epoch)).where(Frame.run_id == run_id)) or 0


def put_checkpoints(session: Session, rows: Sequence[tuple[int, int, bytes]]) -> None:
    """Store the checkpoints from which runs can resume (run, epoch, tensors)."""
    bulk.upsert(session, Checkpoint, rows)


def checkpoints(session: Session, run_ids: Sequence[int]) -> dict[int, tuple[int, bytes]]:
    """Return the checkpoints of runs, ``{run: (epoch, tensors)}``; a run may have none."""
    by_run: dict[int, tuple[int, bytes]] = {}
    for chunk in chunks(run_ids):
        rows = session.execute(
            select(Checkpoint.run_id, Checkpoint.epoch, Checkpoint.tensors).where(
                Checkpoint.run_id.in_(chunk)
            )
        )
        by_run |= {run_id: (epoch, tensors) for run_id, epoch, tensors in rows}
    return by_run


def checkpoint_epoch(session: Session, run_id: int) -> int:
    """Return the epoch of a run's checkpoint, 0 if training starts from the beginning."""
    return session.scalar(select(Checkpoint.epoch).where(Checkpoint.run_id == run_id)) or 0


def drop_checkpoints(session: Session, run_ids: Sequence[int]) -> None:
    """Delete the checkpoints of runs."""
    for chunk in chunks(run_ids):
        session.execute(delete(Checkpoint).where(Checkpoint.run_id.in_(chunk)))


def put_predictions(session: Session, rows: Sequence[tuple[int, int, bytes]]) -> None:
    """Store predictions (run, epoch, safetensors), replacing earlier ones of their epoch."""
    bulk.upsert(session, Prediction, rows)


def prediction(session: Session, run_id: int, epoch: int) -> bytes | None:
    """Return the predictions of a run at one epoch, as a safetensors file."""
    return session.scalar(
        select(Prediction.outputs).where(Prediction.run_id == run_id, Prediction.epoch == epoch)
    )


def predictions_of(session: Session, run_ids: Sequence[int]) -> dict[int, dict[int, bytes]]:
    """Return the predictions of runs by epoch, ascending: ``{run: {epoch: safetensors}}``."""
    by_run: dict[int, dict[int, bytes]] = {run_id: {} for run_id in run_ids}
    for chunk in bulk.chunks(run_ids):
        rows = session.execute(
            select(Prediction.run_id, Prediction.epoch, Prediction.outputs)
            .where(Prediction.run_id.in_(chunk))
            .order_by(Prediction.run_id, Prediction.epoch)
        )
        for run_id, epoch, outputs in rows:
            work_budget.read(len(outputs))
            by_run[run_id][epoch] = outputs
    return by_run

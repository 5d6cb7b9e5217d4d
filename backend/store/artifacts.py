"""Checkpoints, snapshots, frames and samples: bytes, kept beside the epochs they belong to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

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
    """Store snapshots (run, kind, epoch, weights, fit), replacing earlier ones of that kind."""
    bulk.upsert(session, Snapshot, rows)


def get_snapshot(session: Session, run_id: int, kind: SnapshotKind) -> Snapshot:
    """Return a snapshot. Raises NotFound."""
    found = session.get(Snapshot, (run_id, kind))
    if found is None:
        raise NotFound(f"Run {run_id} has no {kind} snapshot yet.")
    return found


def snapshot_infos(session: Session, run_id: int) -> Sequence[SnapshotInfo]:
    """Return what snapshots a run has, best first."""
    rows = session.execute(
        select(Snapshot.kind, Snapshot.epoch, Snapshot.fit.is_not(None))
        .where(Snapshot.run_id == run_id)
        .order_by(Snapshot.kind)
    )
    return [SnapshotInfo(*row) for row in rows]


def snapshots_of(session: Session, run_id: int) -> Sequence[Snapshot]:
    """Return a run's snapshots with their bytes, best first."""
    found = select(Snapshot).where(Snapshot.run_id == run_id).order_by(Snapshot.kind)
    return session.scalars(found).all()


def snapshot_fits(session: Session, run_id: int) -> dict[int, bytes]:
    """Return the fits of a run's snapshots by epoch, those that there are."""
    rows = session.execute(
        select(Snapshot.epoch, Snapshot.fit).where(
            Snapshot.run_id == run_id, Snapshot.fit.is_not(None)
        )
    )
    return {row.epoch: row.fit for row in rows}


def put_samples(session: Session, rows: Sequence[tuple[int, bytes]]) -> None:
    """Store the data points drawn beside fits (run, points)."""
    bulk.upsert(session, Sample, rows)


def samples(session: Session, run_id: int) -> bytes | None:
    """Return the data points drawn beside a run's fit, None if it has none."""
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
    """Store where runs can be taken up again (run, epoch, tensors)."""
    bulk.upsert(session, Checkpoint, rows)


def checkpoints(session: Session, run_ids: Sequence[int]) -> dict[int, tuple[int, bytes]]:
    """Return where runs can be taken up again, ``{run: (epoch, tensors)}``; not those at 0."""
    found: dict[int, tuple[int, bytes]] = {}
    for some in chunks(run_ids):
        rows = session.execute(
            select(Checkpoint.run_id, Checkpoint.epoch, Checkpoint.tensors).where(
                Checkpoint.run_id.in_(some)
            )
        )
        found |= {run_id: (epoch, tensors) for run_id, epoch, tensors in rows}
    return found


def checkpoint_epoch(session: Session, run_id: int) -> int:
    """Return the epoch after which a run can be taken up again, 0 if only from its beginning."""
    return session.scalar(select(Checkpoint.epoch).where(Checkpoint.run_id == run_id)) or 0


def drop_checkpoints(session: Session, run_ids: Sequence[int]) -> None:
    """Forget runs' checkpoints."""
    for some in chunks(run_ids):
        session.execute(delete(Checkpoint).where(Checkpoint.run_id.in_(some)))


def put_predictions(session: Session, rows: Sequence[tuple[int, int, bytes]]) -> None:
    """Store predictions (run, epoch, safetensors), in place of earlier ones of that epoch."""
    bulk.upsert(session, Prediction, rows)


def predictions_of(session: Session, run_ids: Sequence[int]) -> dict[int, dict[int, bytes]]:
    """Return the predictions of runs by epoch, ascending: ``{run: {epoch: safetensors}}``."""
    found: dict[int, dict[int, bytes]] = {run_id: {} for run_id in run_ids}
    for some in bulk.chunks(run_ids):
        rows = session.execute(
            select(Prediction.run_id, Prediction.epoch, Prediction.outputs)
            .where(Prediction.run_id.in_(some))
            .order_by(Prediction.run_id, Prediction.epoch)
        )
        for run_id, epoch, outputs in rows:
            found[run_id][epoch] = outputs
    return found

"""Checkpoints, snapshots and samples: safetensors bytes, kept beside the epochs they belong to."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from backend.errors import NotFound
from backend.store.engine import insert_for
from backend.store.tables import Base, Checkpoint, Sample, Snapshot

Kind = Literal["best", "last"]


@dataclass(frozen=True)
class SnapshotInfo:
    """A stored snapshot without its bytes."""

    kind: str
    epoch: int
    has_fit: bool


def put(
    session: Session, run_id: int, kind: Kind, *, epoch: int, weights: bytes, fit: bytes | None
) -> None:
    """Store a snapshot, replacing the run's earlier one of that kind."""
    row = {"run_id": run_id, "kind": kind, "epoch": epoch, "weights": weights, "fit": fit}
    _put(session, Snapshot, row)


def get(session: Session, run_id: int, kind: Kind) -> Snapshot:
    """Return a snapshot. Raises NotFound."""
    found = session.get(Snapshot, (run_id, kind))
    if found is None:
        raise NotFound(f"Run {run_id} has no {kind} snapshot yet.")
    return found


def of_run(session: Session, run_id: int) -> Sequence[SnapshotInfo]:
    """Return what snapshots a run has, best first."""
    rows = session.execute(
        select(Snapshot.kind, Snapshot.epoch, Snapshot.fit.is_not(None))
        .where(Snapshot.run_id == run_id)
        .order_by(Snapshot.kind)
    )
    return [SnapshotInfo(*row) for row in rows]


def put_samples(session: Session, run_id: int, points: bytes) -> None:
    """Store the data points drawn beside a run's fit."""
    _put(session, Sample, {"run_id": run_id, "points": points})


def samples(session: Session, run_id: int) -> bytes | None:
    """Return the data points drawn beside a run's fit, None if it has none."""
    return session.scalar(select(Sample.points).where(Sample.run_id == run_id))


def put_checkpoint(session: Session, run_id: int, *, epoch: int, tensors: bytes) -> None:
    """Store where a run can be taken up again."""
    _put(session, Checkpoint, {"run_id": run_id, "epoch": epoch, "tensors": tensors})


def checkpoint(session: Session, run_id: int) -> Checkpoint | None:
    """Return where a run can be taken up again, None for the start."""
    return session.get(Checkpoint, run_id)


def drop_checkpoint(session: Session, run_id: int) -> None:
    """Forget a run's checkpoint."""
    session.execute(delete(Checkpoint).where(Checkpoint.run_id == run_id))


def _put(session: Session, table: type[Base], row: dict[str, Any]) -> None:
    """Insert a row or replace what is there, without reading it: it may be megabytes."""
    session.connection().execute(_upsert(session.get_bind().dialect.name, table), row)


@cache
def _upsert(dialect: str, table: type[Base]) -> Any:
    insert = insert_for(dialect, table)
    key = [column.name for column in table.__table__.primary_key]
    others = {column.name: column for column in insert.excluded if column.name not in key}
    return insert.on_conflict_do_update(index_elements=key, set_=others)

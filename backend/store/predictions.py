"""Predictions: what models answered to the first test samples, by run and epoch."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.store import bulk
from backend.store.tables import Prediction


def put(session: Session, rows: Sequence[tuple[int, int, bytes]]) -> None:
    """Store predictions (run, epoch, safetensors), in place of earlier ones of that epoch."""
    bulk.upsert(session, Prediction, rows)


def of_runs(session: Session, run_ids: Sequence[int]) -> dict[int, dict[int, bytes]]:
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

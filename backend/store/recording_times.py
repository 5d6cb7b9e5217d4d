"""When the chunks of a metric were recorded, and how many steps were recorded recently."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.store import bulk
from backend.store.tables import Metric, MetricKey, Run


def recorded(
    session: Session, run_ids: Sequence[int], key: str
) -> dict[int, list[tuple[int, int]]]:
    """Return when the chunks of a metric were recorded, ``{run: [(last step, milliseconds)]}``."""
    by_run: dict[int, list[tuple[int, int]]] = {run_id: [] for run_id in run_ids}
    for chunk in bulk.chunks(run_ids):
        rows = session.execute(
            select(Metric.run_id, Metric.last_step, Metric.recorded_at)
            .join(MetricKey, MetricKey.id == Metric.key_id)
            .where(Metric.run_id.in_(chunk), MetricKey.name == key)
            .order_by(Metric.run_id, Metric.last_step)
        )
        for run_id, step, recorded_at in rows:
            by_run[run_id].append((step, recorded_at))
    return by_run


def recorded_since(
    session: Session, run_ids: Sequence[int], key: str, *, since_ms: int, last_steps: int
) -> dict[int, int]:
    """Return how many steps of a metric were recorded since a time, ``{run: steps}``.

    Only the last `last_steps` of each run count. Runs without any are missing from the result.
    """
    by_run: dict[int, int] = {}
    for chunk in bulk.chunks(run_ids):
        rows = session.execute(
            select(Metric.run_id, func.sum(Metric.last_step - Metric.first_step + 1))
            .join(MetricKey, MetricKey.id == Metric.key_id)
            .join(Run, Run.id == Metric.run_id)
            .where(
                Metric.run_id.in_(chunk),
                MetricKey.name == key,
                Metric.first_step > Run.epoch - last_steps,
                Metric.recorded_at >= since_ms,
            )
            .group_by(Metric.run_id)
        )
        by_run |= {run_id: int(steps) for run_id, steps in rows}
    return by_run

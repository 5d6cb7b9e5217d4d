"""How fast runs come on: when their stretches were recorded, and how many steps lately."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.store import bulk
from backend.store.tables import Metric, MetricKey, Run


def recorded(
    session: Session, run_ids: Sequence[int], key: str
) -> dict[int, list[tuple[int, int]]]:
    """Return when a metric's stretches were recorded, ``{run: [(last step, milliseconds)]}``."""
    result: dict[int, list[tuple[int, int]]] = {id_: [] for id_ in run_ids}
    for some in bulk.chunks(run_ids):
        rows = session.execute(
            select(Metric.run_id, Metric.last_step, Metric.recorded_at)
            .join(MetricKey, MetricKey.id == Metric.key_id)
            .where(Metric.run_id.in_(some), MetricKey.name == key)
            .order_by(Metric.run_id, Metric.last_step)
        )
        for run_id, step, at in rows:
            result[run_id].append((step, at))
    return result


def recorded_since(
    session: Session, run_ids: Sequence[int], key: str, *, since_ms: int, last_steps: int
) -> dict[int, int]:
    """Return how many of runs' last steps of a metric were recorded since a time, ``{run: steps}``.

    Looks at the last `last_steps` of each run alone; runs without any are left out.
    """
    result: dict[int, int] = {}
    for some in bulk.chunks(run_ids):
        rows = session.execute(
            select(Metric.run_id, func.sum(Metric.last_step - Metric.first_step + 1))
            .join(MetricKey, MetricKey.id == Metric.key_id)
            .join(Run, Run.id == Metric.run_id)
            .where(
                Metric.run_id.in_(some),
                MetricKey.name == key,
                Metric.first_step > Run.epoch - last_steps,
                Metric.recorded_at >= since_ms,
            )
            .group_by(Metric.run_id)
        )
        result |= {run_id: int(steps) for run_id, steps in rows}
    return result

"""Names of metrics and their ids."""

from collections.abc import Iterable

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from backend.store.engine import insert_for
from backend.store.runs import in_experiment
from backend.store.tables import MetricKey, MetricSummary, Run


def key_ids(session: Session, names: Iterable[str]) -> dict[str, int]:
    """Return the ids of metric names, and create those that are new."""
    requested = set(names)
    known = known_keys(session, requested)
    missing = sorted(requested - known.keys())
    if missing:
        insert = insert_for(session.get_bind().dialect.name, MetricKey).on_conflict_do_nothing()
        session.execute(insert, [{"name": name} for name in missing])
        known = known_keys(session, requested)
    return known


def known_keys(session: Session, names: Iterable[str]) -> dict[str, int]:
    """Return the ids of those metric names that a run has recorded."""
    rows = session.connection().execute(_KNOWN_KEYS, {"names": list(names)})
    return {name: id_ for name, id_ in rows}  # noqa: C416 - typed, unlike dict(rows)


# Built once, because a worker sends this query several times per second.
_KNOWN_KEYS = select(MetricKey.name, MetricKey.id).where(
    MetricKey.name.in_(bindparam("names", expanding=True))
)


def keys_of(session: Session, experiment_id: int) -> list[str]:
    """Return the names of all metrics that an experiment's runs recorded, oldest name first."""
    query = (
        select(MetricKey.name)
        .join(MetricSummary, MetricSummary.key_id == MetricKey.id)
        .join(Run, Run.id == MetricSummary.run_id)
        .where(in_experiment(experiment_id))
        .group_by(MetricKey.id, MetricKey.name)
        .order_by(MetricKey.id)
    )
    return list(session.scalars(query))

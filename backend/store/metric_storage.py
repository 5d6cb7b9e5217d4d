"""Storage of metrics: ids of metric names, and points packed into chunks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import pack, unpack_from
from weakref import WeakKeyDictionary

import numpy as np
from sqlalchemy import Connection, Engine, bindparam, select
from sqlalchemy.orm import Session

from backend.series import Series
from backend.store import bulk
from backend.store.bulk import RowValues
from backend.store.engine import insert_for
from backend.store.runs import in_experiment
from backend.store.tables import MetricKey, MetricSummary, Run


def key_ids(session: Session, names: Iterable[str]) -> dict[str, int]:
    """Return the ids of metric names, and create those that are new."""
    requested = set(names)
    cached = _cache.setdefault(session.get_bind(), {})
    if requested <= cached.keys():
        return {name: cached[name] for name in requested}
    known = known_keys(session, requested)
    if not session.info.get(_HAS_NEW_KEYS):
        if len(cached) > MAX_CACHED_KEYS:
            cached.clear()
        cached.update(known)
    missing = sorted(requested - known.keys())
    if missing:
        insert = insert_for(session.get_bind().dialect.name, MetricKey).on_conflict_do_nothing()
        session.info[_HAS_NEW_KEYS] = True
        session.execute(insert, [{"name": name} for name in missing])
        known = known_keys(session, requested)
    return known


# Ids of metric names by engine, because the same names are written again and again. A name keeps
# its id for ever; ids of a transaction that may be rolled back are not cached.
_cache: WeakKeyDictionary[Engine | Connection, dict[str, int]] = WeakKeyDictionary()
_HAS_NEW_KEYS = "has_new_metric_keys"
MAX_CACHED_KEYS = 100_000


def known_keys(session: Session, names: Iterable[str]) -> dict[str, int]:
    """Return the ids of those metric names that a run has recorded."""
    known: dict[str, int] = {}
    for chunk in bulk.chunks(list(names)):
        rows = session.connection().execute(_KNOWN_KEYS, {"names": chunk})
        known |= {name: id_ for name, id_ in rows}  # noqa: C416 - typed, unlike dict(rows)
    return known


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


VALUE_BYTES = 8  # of a step (int64) and of a value (float64)


@dataclass(frozen=True)
class Chunk:
    """New values of one metric of one run at ascending steps, each step once. NaN is allowed."""

    run_id: int
    key: str
    steps: Sequence[int]
    values: Sequence[float]
    recorded_at: int

    def row(self, key_id: int) -> RowValues:
        """Return the chunk as a row of the table of metrics."""
        steps = pack(f"<{len(self.steps)}q", *self.steps)
        values = pack(f"<{len(self.steps)}d", *self.values)
        first, last = self.steps[0], self.steps[-1]
        return self.run_id, key_id, first, last, steps, values, self.recorded_at


def unpack_points(packed_steps: bytes, packed_values: bytes) -> list[tuple[int, float]]:
    """Return the points of a chunk as (step, value)."""
    steps: list[int] = np.frombuffer(packed_steps, "<i8").tolist()
    values: list[float] = np.frombuffer(packed_values, "<f8").tolist()
    return list(zip(steps, values, strict=True))


def value_at(step: int, packed_steps: bytes, packed_values: bytes) -> float | None:
    """Return the value of a chunk at a step between its first and last, None if it has none."""
    steps = np.frombuffer(packed_steps, "<i8")
    index = int(steps.searchsorted(step))
    if steps[index] != step:
        return None
    (value,) = unpack_from("<d", packed_values, VALUE_BYTES * index)  # reads only this value
    return float(value)


def join_chunks(
    chunks: Sequence[tuple[bytes, bytes]], first: int | None, last: int | None
) -> Series:
    """Join packed chunks, ordered by first step, and select the steps from `first` to `last`.

    A chunk may reach into the one after it.
    """
    steps = np.frombuffer(b"".join(steps for steps, _ in chunks), "<i8")
    values = np.frombuffer(b"".join(values for _, values in chunks), "<f8")
    if (steps[1:] < steps[:-1]).any():
        order = steps.argsort(kind="stable")
        steps, values = steps[order], values[order]
    whole = Series(steps, values)
    return whole.take(whole.between(first, last))

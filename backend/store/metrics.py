"""Metrics: written in bulk with their summaries, read back as series.

Points are stored by the stretch: consecutive values of one metric of one run that were written
together. What happens to a stretch's bytes happens here alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import pack, unpack_from
from typing import NamedTuple

import numpy as np
from sqlalchemy import and_, bindparam, delete, select
from sqlalchemy.orm import Session

from backend.series import Series
from backend.store import bulk
from backend.store import metric_summaries as _summaries
from backend.store.engine import insert_for
from backend.store.runs import in_experiment
from backend.store.tables import Metric, MetricKey, MetricSummary, Run


class Point(NamedTuple):
    """One value of one metric of one run. NaN is allowed."""

    run_id: int
    key: str
    step: int
    value: float
    recorded_at: int


@dataclass(frozen=True)
class Chunk:
    """New values of one metric of one run: steps ascend, each once. NaN is allowed."""

    run_id: int
    key: str
    steps: Sequence[int]
    values: Sequence[float]
    recorded_at: int


def record(session: Session, points: Sequence[Point]) -> None:
    """Write points, over earlier ones of the same step; the last of equal steps counts."""
    series: dict[tuple[int, str], dict[int, Point]] = defaultdict(dict)
    for point in points:
        series[point.run_id, point.key][point.step] = point
    _remove(session, {key: set(by_step) for key, by_step in series.items()})
    for by_step in series.values():
        by_time: dict[int, list[Point]] = defaultdict(list)
        for step in sorted(by_step):
            by_time[by_step[step].recorded_at].append(by_step[step])
        for recorded_at, some in by_time.items():
            steps, values = [one.step for one in some], [float(one.value) for one in some]
            append(session, [Chunk(some[0].run_id, some[0].key, steps, values, recorded_at)])


def append(session: Session, stretches: Sequence[Chunk]) -> None:
    """Write stretches of steps that have no value yet, at most one of a run and metric."""
    if not stretches:
        return
    keys = key_ids(session, {stretch.key for stretch in stretches})
    bulk.insert(session, Metric, [_row(one, keys[one.key]) for one in stretches])
    _summaries.fold_summaries(
        session, ((one.run_id, keys[one.key], one.steps, one.values) for one in stretches)
    )


def _row(one: Chunk, key_id: int) -> bulk.RowValues:
    steps, values = (
        pack(f"<{len(one.steps)}{kind}", *numbers)
        for kind, numbers in (("q", one.steps), ("d", one.values))
    )
    return one.run_id, key_id, one.steps[0], one.steps[-1], steps, values, one.recorded_at


def _unpacked(packed_steps: bytes, packed_values: bytes) -> tuple[list[int], list[float]]:
    steps: list[int] = np.frombuffer(packed_steps, "<i8").tolist()
    values: list[float] = np.frombuffer(packed_values, "<f8").tolist()
    return steps, values


def value_at(step: int, packed_steps: bytes, packed_values: bytes) -> float | None:
    """Return a stretch's value at a step between its ends, None if it has none there."""
    steps = np.frombuffer(packed_steps, "<i8")
    place = int(steps.searchsorted(step))
    if steps[place] != step:
        return None
    (value,) = unpack_from("<d", packed_values, 8 * place)  # of a long stretch one is looked at
    return float(value)


def _remove(session: Session, gone: dict[tuple[int, str], set[int]]) -> None:
    """Take steps out of the stretches they are in, so that they can be written again."""
    # whoever else writes to these runs waits until this transaction ends
    run_ids = sorted({run_id for run_id, _ in gone})
    session.execute(select(Run.id).where(Run.id.in_(run_ids)).order_by(Run.id).with_for_update())
    ids = key_ids(session, {key for _, key in gone})
    for (run_id, key), steps in gone.items():
        stored = and_(Metric.run_id == run_id, Metric.key_id == ids[key])
        touched = and_(stored, Metric.first_step <= max(steps), Metric.last_step >= min(steps))
        left = []
        for row in session.execute(select(*Metric.__table__.columns).where(touched)).all():
            pairs = zip(*_unpacked(row.packed_steps, row.packed_values), strict=True)
            kept = {step: value for step, value in pairs if step not in steps}
            if kept:
                one = Chunk(run_id, key, list(kept), list(kept.values()), row.recorded_at)
                left.append(_row(one, ids[key]))
        session.execute(delete(Metric).where(touched))
        bulk.insert(session, Metric, left)


def key_ids(session: Session, names: Iterable[str]) -> dict[str, int]:
    """Return the ids of metric names, making those that are new."""
    wanted = set(names)
    found = known_keys(session, wanted)
    missing = sorted(wanted - found.keys())
    if missing:
        insert = insert_for(session.get_bind().dialect.name, MetricKey).on_conflict_do_nothing()
        session.execute(insert, [{"name": name} for name in missing])
        found = known_keys(session, wanted)
    return found


def known_keys(session: Session, names: Iterable[str]) -> dict[str, int]:
    """Return the ids of those metric names that were ever recorded."""
    rows = session.connection().execute(_KNOWN_KEYS, {"names": list(names)})
    return {name: id_ for name, id_ in rows}  # noqa: C416 - typed, unlike dict(rows)


# built once: a worker sends it several times a second
_KNOWN_KEYS = select(MetricKey.name, MetricKey.id).where(
    MetricKey.name.in_(bindparam("names", expanding=True))
)


def keys_of(session: Session, experiment_id: int) -> list[str]:
    """Return the names of all metrics that an experiment's runs recorded, in order."""
    query = (
        select(MetricKey.name)
        .join(MetricSummary, MetricSummary.key_id == MetricKey.id)
        .join(Run, Run.id == MetricSummary.run_id)
        .where(in_experiment(experiment_id))
        .group_by(MetricKey.id, MetricKey.name)
        .order_by(MetricKey.id)
    )
    return list(session.scalars(query))


def series(
    session: Session,
    run_id: int,
    keys: Sequence[str] | None = None,
    *,
    first_step: int | None = None,
    last_step: int | None = None,
) -> dict[str, Series]:
    """Return the series of a run (all, or those in `keys`), optionally between two steps."""
    return series_of(session, [run_id], keys, first_step=first_step, last_step=last_step)[run_id]


def series_of(
    session: Session,
    run_ids: Sequence[int],
    keys: Sequence[str] | None = None,
    *,
    first_step: int | None = None,
    last_step: int | None = None,
) -> dict[int, dict[str, Series]]:
    """Return the series of many runs, ``{run: {key: Series}}``; see `series`.

    A metric in `keys` that a run did not record is an empty series.
    """
    query = (
        select(Metric.run_id, MetricKey.name, Metric.packed_steps, Metric.packed_values)
        .join(MetricKey, MetricKey.id == Metric.key_id)
        .order_by(Metric.run_id, Metric.key_id, Metric.first_step)
    )
    if keys is not None:
        query = query.where(MetricKey.name.in_(keys))
    if first_step is not None:
        query = query.where(Metric.last_step >= first_step)
    if last_step is not None:
        query = query.where(Metric.first_step <= last_step)
    packed: dict[int, dict[str, list[tuple[bytes, bytes]]]] = {
        run_id: {key: [] for key in keys or ()} for run_id in run_ids
    }
    for ids in bulk.chunks(run_ids):
        for run_id, key, steps, values in session.execute(query.where(Metric.run_id.in_(ids))):
            packed[run_id].setdefault(key, []).append((steps, values))
    return {
        run_id: {key: _joined(chunks, first_step, last_step) for key, chunks in by_key.items()}
        for run_id, by_key in packed.items()
    }


def _joined(chunks: Sequence[tuple[bytes, bytes]], first: int | None, last: int | None) -> Series:
    """Join chunks ordered by their first steps; a chunk may reach into the one after it."""
    steps = np.frombuffer(b"".join(steps for steps, _ in chunks), "<i8")
    values = np.frombuffer(b"".join(values for _, values in chunks), "<f8")
    if (steps[1:] < steps[:-1]).any():
        order = steps.argsort(kind="stable")
        steps, values = steps[order], values[order]
    whole = Series(steps, values)
    return whole.take(whole.between(first, last))


def summaries(
    session: Session, run_ids: Sequence[int]
) -> dict[int, dict[str, dict[str, float | int | None]]]:
    """Return each run's summaries: ``{run: {key: {"last", "last_step", "min", ...}}}``."""
    result: dict[int, dict[str, dict[str, float | int | None]]] = {id_: {} for id_ in run_ids}
    columns = [getattr(MetricSummary, field) for field in _summaries.SUMMARY_FIELDS]
    rows = session.execute(
        select(MetricSummary.run_id, MetricKey.name, *columns)
        .join(MetricKey, MetricKey.id == MetricSummary.key_id)
        .where(MetricSummary.run_id.in_(run_ids))
    )
    for run_id, name, *values in rows:
        result[run_id][name] = dict(zip(_summaries.SUMMARY_FIELDS, values, strict=True))
    return result

"""Metrics of runs: written in chunks together with their summaries, read back as series."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Select, and_, delete, func, select
from sqlalchemy.orm import Session

from backend import work_budget
from backend.series import Series
from backend.store import bulk, external_runs, logged_points
from backend.store.metric_storage import Chunk, join_chunks, key_ids, unpack_points
from backend.store.metric_summaries import fold_summaries, summarise
from backend.store.tables import CurveSummary, Metric, MetricKey, Run


class Point(NamedTuple):
    """One value of one metric of one run. NaN is allowed."""

    run_id: int
    key: str
    step: int
    value: float
    recorded_at: int


def record(session: Session, points: Sequence[Point]) -> None:
    """Write points, replacing earlier ones of the same step; the last of equal steps counts."""
    by_series: dict[tuple[int, str], dict[int, Point]] = defaultdict(dict)
    for point in points:
        by_series[point.run_id, point.key][point.step] = point
    _remove(session, {key: set(by_step) for key, by_step in by_series.items()})
    for (run_id, key), by_step in by_series.items():
        by_time: dict[int, list[Point]] = defaultdict(list)
        for step in sorted(by_step):
            by_time[by_step[step].recorded_at].append(by_step[step])
        for recorded_at, group in by_time.items():
            steps, values = [point.step for point in group], [float(point.value) for point in group]
            append(session, [Chunk(run_id, key, steps, values, recorded_at)])


def append(session: Session, chunks: Sequence[Chunk]) -> None:
    """Write chunks whose steps have no value yet, at most one chunk per run and metric."""
    if not chunks:
        return
    keys = key_ids(session, {chunk.key for chunk in chunks})
    bulk.insert(session, Metric, [chunk.row(keys[chunk.key]) for chunk in chunks])
    fold_summaries(
        session, ((chunk.run_id, keys[chunk.key], chunk.steps, chunk.values) for chunk in chunks)
    )


def _remove(session: Session, removed: dict[tuple[int, str], set[int]]) -> None:
    """Remove steps from their chunks, so that they can be written again."""
    # The lock makes other writers to these runs wait until this transaction ends.
    run_ids = sorted({run_id for run_id, _ in removed})
    session.execute(select(Run.id).where(Run.id.in_(run_ids)).order_by(Run.id).with_for_update())
    ids = key_ids(session, {key for _, key in removed})
    for (run_id, key), steps in removed.items():
        stored = and_(Metric.run_id == run_id, Metric.key_id == ids[key])
        touched = and_(stored, Metric.first_step <= max(steps), Metric.last_step >= min(steps))
        remaining = []
        for row in session.execute(select(*Metric.__table__.columns).where(touched)).all():
            points = unpack_points(row.packed_steps, row.packed_values)
            rest = {step: value for step, value in points if step not in steps}
            if rest:
                chunk = Chunk(run_id, key, list(rest), list(rest.values()), row.recorded_at)
                remaining.append(chunk.row(ids[key]))
        session.execute(delete(Metric).where(touched))
        bulk.insert(session, Metric, remaining)


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
    external = external_runs.among(session, run_ids)
    own = [run_id for run_id in run_ids if run_id not in external]
    stored = curves_of(session, own, keys, first_step=first_step, last_step=last_step)
    if not external:
        return stored
    logged = logged_points.series_of(
        session, sorted(external), keys, first_step=first_step, last_step=last_step
    )
    missing = {key: Series.of([], []) for key in keys or ()}
    return {
        run_id: missing | logged.get(run_id, {}) if run_id in external else stored[run_id]
        for run_id in run_ids
    }


def curves_of(
    session: Session,
    run_ids: Sequence[int],
    keys: Sequence[str] | None = None,
    *,
    first_step: int | None = None,
    last_step: int | None = None,
) -> dict[int, dict[str, Series]]:
    """Return the series of many runs as `series_of` does, those of external runs as diagnosed.

    Whatever the names and steps of their metrics, external runs have `train_loss`, `val_loss` and
    so on over their epochs, as runs that are trained here.
    """
    query = _select_chunks(keys, first_step, last_step)
    packed: dict[int, dict[str, list[tuple[bytes, bytes]]]] = {
        run_id: {key: [] for key in keys or ()} for run_id in run_ids
    }
    for ids in bulk.chunks(run_ids):
        for run_id, key, steps, values in session.execute(query.where(Metric.run_id.in_(ids))):
            work_budget.read(len(steps) + len(values))
            packed[run_id].setdefault(key, []).append((steps, values))
    return {
        run_id: {key: join_chunks(chunks, first_step, last_step) for key, chunks in by_key.items()}
        for run_id, by_key in packed.items()
    }


def replace_curves(
    session: Session,
    run_id: int,
    curves: Mapping[str, Series],
    at_best: Mapping[str, float],
    *,
    recorded_at: int,
) -> None:
    """Store the diagnosed curves of an external run, and their values at its best epoch."""
    session.execute(delete(Metric).where(Metric.run_id == run_id))
    keys = key_ids(session, curves)
    columns = {
        key: (series.steps.tolist(), series.values.tolist())
        for key, series in curves.items()
        if len(series)
    }
    chunks = [Chunk(run_id, key, *points, recorded_at) for key, points in columns.items()]
    bulk.insert(session, Metric, [chunk.row(keys[chunk.key]) for chunk in chunks])
    session.execute(delete(CurveSummary).where(CurveSummary.run_id == run_id))
    bulk.insert(
        session,
        CurveSummary,
        [
            (run_id, keys[key], *summarise(*points), at_best.get(key))
            for key, points in columns.items()
        ],
    )


def _select_chunks(
    keys: Sequence[str] | None, first_step: int | None, last_step: int | None
) -> Select[int, str, bytes, bytes]:
    """Return the query for the packed chunks of metrics that overlap a range of steps."""
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
    return query


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

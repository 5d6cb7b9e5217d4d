"""Metrics: written in bulk with their summaries, read back as series."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, case, func, select
from sqlalchemy.orm import Session

from backend.store.engine import insert_for
from backend.store.tables import Metric, MetricKey, MetricSummary


class Point(NamedTuple):
    """One value of one metric of one run. NaN is allowed."""

    run_id: int
    key: str
    step: int
    value: float
    recorded_at: int


@dataclass(frozen=True)
class Stretch:
    """New values of one metric of one run, by column: steps ascend, each once. NaN is allowed."""

    run_id: int
    key: str
    steps: Sequence[int]
    values: Sequence[float]
    recorded_at: Sequence[int]


@dataclass
class Series:
    """One metric over its steps, ascending; None stands for NaN."""

    steps: list[int]
    values: list[float | None]


def record(session: Session, points: Sequence[Point]) -> None:
    """Upsert points and bring the summaries up to date; the last of equal steps counts."""
    series: dict[tuple[int, str], dict[int, Point]] = defaultdict(dict)
    for point in points:
        series[point.run_id, point.key][point.step] = point
    stretches = []
    for (run_id, key), by_step in series.items():
        steps = sorted(by_step)
        values = [float(by_step[step].value) for step in steps]
        times = [by_step[step].recorded_at for step in steps]
        stretches.append(Stretch(run_id, key, steps, values, times))
    record_stretches(session, stretches)


def record_stretches(session: Session, stretches: Sequence[Stretch]) -> None:
    """Upsert stretches and bring the summaries up to date: `record` for those with many values."""
    if not stretches:
        return
    keys = key_ids(session, {stretch.key for stretch in stretches})
    rows: list[Row] = []
    folded = []
    for stretch in stretches:
        run_id, key_id = stretch.run_id, keys[stretch.key]
        values = [None if value != value else value for value in stretch.values]
        rows += zip(
            repeat(run_id), repeat(key_id), stretch.steps, values, stretch.recorded_at, strict=False
        )
        folded.append({"run_id": run_id, "key_id": key_id, **_fold(stretch.steps, values)})
    _upsert_points(session, rows)
    session.connection().execute(_summary_upsert(session.get_bind().dialect.name), folded)


def key_ids(session: Session, names: Iterable[str]) -> dict[str, int]:
    """Return the ids of metric names, making those that are new."""
    wanted = set(names)
    found = _known_keys(session, wanted)
    missing = sorted(wanted - found.keys())
    if missing:
        insert = insert_for(session.get_bind().dialect.name, MetricKey).on_conflict_do_nothing()
        session.execute(insert, [{"name": name} for name in missing])
        found = _known_keys(session, wanted)
    return found


def _known_keys(session: Session, names: set[str]) -> dict[str, int]:
    rows = session.connection().execute(_KNOWN_KEYS, {"names": list(names)})
    return {name: id_ for name, id_ in rows}  # noqa: C416 - typed, unlike dict(rows)


# built once: a worker sends it five times a second
_KNOWN_KEYS = select(MetricKey.name, MetricKey.id).where(
    MetricKey.name.in_(bindparam("names", expanding=True))
)


Row = tuple[int, int, int, float | None, int]


def _upsert_points(session: Session, rows: list[Row]) -> None:
    """Write rows past SQLAlchemy's per-row work: this is where a training's time would go."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_UPSERT_ROWS, rows)
    else:  # one statement with five arrays: a tenth of the time of one statement a row
        connection.exec_driver_sql(_UPSERT_ARRAYS, tuple(map(list, zip(*rows, strict=True))))


_UPSERT_ROWS = """
    INSERT INTO metrics (run_id, key_id, step, value, recorded_at)
    VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (run_id, key_id, step)
    DO UPDATE SET value = excluded.value, recorded_at = excluded.recorded_at
"""
_UPSERT_ARRAYS = """
    INSERT INTO metrics (run_id, key_id, step, value, recorded_at)
    SELECT * FROM unnest(%s::int[], %s::int[], %s::bigint[], %s::float8[], %s::bigint[])
    ON CONFLICT (run_id, key_id, step)
    DO UPDATE SET value = excluded.value, recorded_at = excluded.recorded_at
"""


def _fold(steps: Sequence[int], values: Sequence[float | None]) -> dict[str, float | int | None]:
    """Summarise a stretch: the earliest step wins among equal extremes."""
    numbers = [
        (value, step) for step, value in zip(steps, values, strict=True) if value is not None
    ]
    low, low_step = min(numbers, key=itemgetter(0), default=(None, None))
    high, high_step = max(numbers, key=itemgetter(0), default=(None, None))
    return dict(zip(_FIELDS, (values[-1], steps[-1], low, low_step, high, high_step), strict=True))


@cache
def _summary_upsert(dialect: str) -> Any:
    insert = insert_for(dialect, MetricSummary)
    new, old = insert.excluded, MetricSummary
    later = new.last_step >= old.last_step
    # equal values keep the stored, earlier step; NULL (nothing but NaN so far) always gives way
    lower = func.coalesce(new.min < old.min, old.min.is_(None))
    higher = func.coalesce(new.max > old.max, old.max.is_(None))
    return insert.on_conflict_do_update(
        index_elements=["run_id", "key_id"],
        set_={
            "last": _pick(later, new.last, old.last),
            "last_step": _pick(later, new.last_step, old.last_step),
            "min": _pick(lower, new.min, old.min),
            "min_step": _pick(lower, new.min_step, old.min_step),
            "max": _pick(higher, new.max, old.max),
            "max_step": _pick(higher, new.max_step, old.max_step),
        },
    )


_FIELDS = ("last", "last_step", "min", "min_step", "max", "max_step")


def series(
    session: Session,
    run_id: int,
    keys: Sequence[str] | None = None,
    *,
    first_step: int | None = None,
    last_step: int | None = None,
) -> dict[str, Series]:
    """Return the series of a run (all, or those in `keys`), optionally between two steps."""
    query = (
        select(MetricKey.name, Metric.step, Metric.value)
        .join(MetricKey, MetricKey.id == Metric.key_id)
        .where(Metric.run_id == run_id)
        .order_by(Metric.key_id, Metric.step)
    )
    if keys is not None:
        query = query.where(MetricKey.name.in_(keys))
    if first_step is not None:
        query = query.where(Metric.step >= first_step)
    if last_step is not None:
        query = query.where(Metric.step <= last_step)
    result = {key: Series([], []) for key in keys or ()}
    for name, step, value in session.execute(query):
        one = result.setdefault(name, Series([], []))
        one.steps.append(step)
        one.values.append(value)
    return result


def summaries(
    session: Session, run_ids: Sequence[int]
) -> dict[int, dict[str, dict[str, float | int | None]]]:
    """Return each run's summaries: ``{run: {key: {"last", "last_step", "min", ...}}}``."""
    result: dict[int, dict[str, dict[str, float | int | None]]] = {id_: {} for id_ in run_ids}
    rows = session.execute(
        select(MetricSummary, MetricKey.name)
        .join(MetricKey, MetricKey.id == MetricSummary.key_id)
        .where(MetricSummary.run_id.in_(run_ids))
    )
    for summary, name in rows:
        result[summary.run_id][name] = {field: getattr(summary, field) for field in _FIELDS}
    return result


def at_best_epoch(
    session: Session, run_ids: Sequence[int], keys: Sequence[str]
) -> dict[int, dict[str, float | None]]:
    """Return each run's metrics at the epoch of its lowest val_loss: ``{run: {key: value}}``."""
    ids = _known_keys(session, {"val_loss", *keys})
    names = {ids[key]: key for key in keys if key in ids}
    rows = session.execute(
        select(Metric.run_id, Metric.key_id, Metric.value)
        .join(
            MetricSummary,
            and_(MetricSummary.run_id == Metric.run_id, MetricSummary.min_step == Metric.step),
        )
        .where(
            MetricSummary.key_id == ids.get("val_loss"),
            MetricSummary.run_id.in_(run_ids),
            Metric.key_id.in_(names),
        )
    )
    result: dict[int, dict[str, float | None]] = {id_: {} for id_ in run_ids}
    for run_id, key_id, value in rows:
        result[run_id][names[key_id]] = value
    return result


def _pick(condition: Any, yes: Any, no: Any) -> Any:
    return case((condition, yes), else_=no)

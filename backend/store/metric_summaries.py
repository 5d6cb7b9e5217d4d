"""Summaries of metrics, updated in the transaction that adds points.

A summary holds a metric's last, lowest and highest value with their steps. Once a run has ended, it
also holds the value at the best epoch, that of the lowest val_loss.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from backend.store import bulk
from backend.store.bulk import RowValues
from backend.store.metric_storage import known_keys, value_at
from backend.store.tables import CurveSummary, Metric, MetricKey, MetricSummary

Summary = dict[str, float | int | None]
"""A summary by field: ``{"last": ..., "last_step": ..., "min": ...}``."""

SUMMARY_FIELDS = ("last", "last_step", "min", "min_step", "max", "max_step", "at_best")


def _fold(*, last: str, lower: str, higher: str) -> str:
    """Return the clause that updates a summary with a newer one, under three conditions.

    NULL, which means that all values so far are NaN, is always replaced.
    """
    conditions = {
        last: ("last", "last_step", "last_timestamp"),
        f"coalesce({lower}, metric_summaries.min IS NULL)": ("min", "min_step"),
        f"coalesce({higher}, metric_summaries.max IS NULL)": ("max", "max_step"),
    }
    updates = (
        f"{name} = CASE WHEN {condition} THEN excluded.{name} ELSE metric_summaries.{name} END"
        for condition, names in conditions.items()
        for name in names
    )
    return f"ON CONFLICT (run_id, key_id) DO UPDATE SET {', '.join(updates)}"


# Steps arrive in order: of equal extremes the stored one stays, because its step is earlier.
_FOLD = _fold(
    last="excluded.last_step >= metric_summaries.last_step",
    lower="excluded.min < metric_summaries.min",
    higher="excluded.max > metric_summaries.max",
)
# Steps arrive in any order, and a step may have several values: the last value is the one with the
# largest step, then the newest, then the largest. A summary without a timestamp was not logged.
_FOLD_LOGGED = _fold(
    last="metric_summaries.last_timestamp IS NULL OR (excluded.last_step, excluded.last_timestamp,"
    " coalesce(excluded.last, 0)) >= (metric_summaries.last_step, metric_summaries.last_timestamp,"
    " coalesce(metric_summaries.last, 0))",
    lower="(excluded.min, excluded.min_step) < (metric_summaries.min, metric_summaries.min_step)",
    higher="excluded.max > metric_summaries.max OR (excluded.max = metric_summaries.max"
    " AND excluded.max_step < metric_summaries.max_step)",
)


def fold_summaries(
    session: Session, new: Iterable[tuple[int, int, Sequence[int], Sequence[float]]]
) -> None:
    """Update summaries with new values, given as (run, metric key, ascending steps, values).

    Each run and key must occur once.
    """
    rows = [
        (run_id, key_id, *summarise(steps, values), None, None)
        for run_id, key_id, steps, values in new
    ]
    bulk.insert(session, MetricSummary, rows, conflict=_FOLD)


def fold_logged(session: Session, rows: Sequence[RowValues]) -> None:
    """Update summaries with those of logged points, given as rows of MetricSummary.

    Each run and key must occur once.
    """
    bulk.insert(session, MetricSummary, rows, conflict=_FOLD_LOGGED)


def summarise(steps: Sequence[int], values: Sequence[float]) -> tuple[float | int | None, ...]:
    """Return last, min and max with their steps: the first of equal extremes, ignoring NaN."""
    last = values[-1]
    if isfinite(sum(values)):
        low, high = min(values), max(values)
        low_step, high_step = steps[values.index(low)], steps[values.index(high)]
        return last, steps[-1], low, low_step, high, high_step
    numbers = [pair for pair in zip(values, steps, strict=True) if pair[0] == pair[0]]
    lowest = min(numbers, key=itemgetter(0), default=(None, None))
    highest = max(numbers, key=itemgetter(0), default=(None, None))
    return (last if last == last else None), steps[-1], *lowest, *highest


def summaries(
    session: Session, run_ids: Sequence[int], keys: Sequence[str] | None = None
) -> dict[int, dict[str, Summary]]:
    """Return the summaries of runs (all, or those of `keys`): ``{run: {key: Summary}}``.

    The losses of an external run are those that were diagnosed, see CurveSummary.
    """
    by_run: dict[int, dict[str, Summary]] = {run_id: {} for run_id in run_ids}
    for table in (MetricSummary, CurveSummary):  # the second overrides the first
        columns = [getattr(table, field) for field in SUMMARY_FIELDS]
        query = select(table.run_id, MetricKey.name, *columns).join(
            MetricKey, MetricKey.id == table.key_id
        )
        if keys is not None:
            query = query.where(MetricKey.name.in_(keys))
        for chunk in bulk.chunks(run_ids):
            for run_id, name, *values in session.execute(query.where(table.run_id.in_(chunk))):
                by_run[run_id][name] = dict(zip(SUMMARY_FIELDS, values, strict=True))
    return by_run


class MetricPage(NamedTuple):
    """Summaries of some metrics of a run by name, and how many metrics there are in all."""

    summaries: dict[str, Summary]
    total: int


def page(
    session: Session, run_id: int, *, containing: str, without: str | None, offset: int, limit: int
) -> MetricPage:
    """Return metrics of a run, by name, whose name contains a text, whatever its case.

    Names that begin with `without` are left out.
    """
    matching = select(MetricKey.name, MetricSummary).join(
        MetricSummary, MetricSummary.key_id == MetricKey.id
    )
    matching = matching.where(
        MetricSummary.run_id == run_id, MetricKey.name.icontains(containing, autoescape=True)
    )
    if without is not None:
        matching = matching.where(~MetricKey.name.startswith(without, autoescape=True))
    total = session.scalar(select(func.count()).select_from(matching.subquery())) or 0
    rows = session.execute(matching.order_by(MetricKey.name).offset(offset).limit(limit))
    return MetricPage(
        {name: {field: getattr(row, field) for field in SUMMARY_FIELDS} for name, row in rows},
        total,
    )


def key_counts(session: Session, run_ids: Sequence[int]) -> dict[int, int]:
    """Return how many metrics each run has recorded, ``{run: metrics}``, without zeros."""
    by_run: dict[int, int] = {}
    for chunk in bulk.chunks(run_ids):
        rows = session.execute(
            select(MetricSummary.run_id, func.count())
            .where(MetricSummary.run_id.in_(chunk))
            .group_by(MetricSummary.run_id)
        )
        by_run |= {run_id: count for run_id, count in rows}  # noqa: C416 - typed
    return by_run


def values_at_best(
    session: Session, run_ids: Sequence[int], keys: Sequence[str]
) -> dict[int, dict[str, float | None]]:
    """Return the metrics of runs at their best epoch: ``{run: {key: value}}``.

    Reads the summaries of ended runs, and the points of the others.
    """
    ids = known_keys(session, {"val_loss", *keys})
    names = {id_: key for key, id_ in ids.items()}
    by_run: dict[int, dict[str, float | None]] = {run_id: {} for run_id in run_ids}
    for table in (MetricSummary, CurveSummary):
        summarised = select(table.run_id, table.key_id, table.at_best)
        for run_id, key_id, value in session.execute(
            summarised.where(table.run_id.in_(run_ids), table.key_id.in_(names))
        ):
            by_run[run_id][names[key_id]] = value
    others = [run_id for run_id, values in by_run.items() if values.get("val_loss") is None]
    by_run |= _read_at_best(session, others, keys) if others else {}
    return {
        run_id: {key: value for key, value in values.items() if key in keys}
        for run_id, values in by_run.items()
    }


def _read_at_best(
    session: Session, run_ids: Sequence[int], keys: Sequence[str]
) -> dict[int, dict[str, float | None]]:
    """Return the metrics of runs at their best epoch, read from their points."""
    ids = known_keys(session, {"val_loss", *keys})
    names = {ids[key]: key for key in keys if key in ids}
    best = MetricSummary.min_step
    rows = session.execute(
        select(Metric.run_id, Metric.key_id, best, Metric.packed_steps, Metric.packed_values)
        .join(MetricSummary, MetricSummary.run_id == Metric.run_id)
        .where(
            MetricSummary.key_id == ids.get("val_loss"),
            MetricSummary.run_id.in_(run_ids),
            Metric.key_id.in_(names),
            Metric.first_step <= best,
            Metric.last_step >= best,
        )
    )
    by_run: dict[int, dict[str, float | None]] = {run_id: {} for run_id in run_ids}
    for run_id, key_id, step, packed_steps, packed_values in rows:
        value = value_at(step or 0, packed_steps, packed_values)
        if value is not None:
            by_run[run_id][names[key_id]] = None if value != value else value
    return by_run


def note_best(session: Session, run_ids: Sequence[int]) -> None:
    """Store the values at the best epoch in the summaries of runs that have ended."""
    ids = {name: id_ for id_, name in session.execute(select(MetricKey.id, MetricKey.name)).all()}
    rows = [
        {"of_run": run_id, "of_key": ids[key], "value": value}
        for run_id, by_key in _read_at_best(session, run_ids, list(ids)).items()
        for key, value in by_key.items()
    ]
    if rows:
        session.connection().execute(_NOTE_BEST, rows)


def note_logged_best(session: Session, run_id: int, values: Mapping[int, float]) -> None:
    """Store the values of metrics of an external run at its best epoch, by the id of their names.

    NaN counts as missing.
    """
    rows = [
        {"of_run": run_id, "of_key": key_id, "value": None if value != value else value}
        for key_id, value in values.items()
    ]
    if rows:
        session.connection().execute(_NOTE_BEST, rows)


def forget_best(session: Session, run_ids: Sequence[int]) -> None:
    """Clear the stored values at the best epoch of runs that will be trained again."""
    for chunk in bulk.chunks(run_ids):
        stored = MetricSummary.run_id.in_(chunk) & MetricSummary.at_best.is_not(None)
        session.execute(update(MetricSummary).where(stored).values(at_best=None))


_NOTE_BEST = (
    update(MetricSummary)
    .where(MetricSummary.run_id == bindparam("of_run"), MetricSummary.key_id == bindparam("of_key"))
    .values(at_best=bindparam("value"))
)

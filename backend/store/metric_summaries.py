"""Summaries of metrics: kept beside the points, in the transaction that adds them."""

from collections.abc import Iterable, Sequence
from math import isfinite
from operator import itemgetter
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from backend.store import bulk, metrics
from backend.store.tables import Metric, MetricKey, MetricSummary

SUMMARY_FIELDS = ("last", "last_step", "min", "min_step", "max", "max_step", "at_best")

# Of equal extremes the stored one, which is of an earlier step, stays; NULL, nothing but NaN so
# far, always gives way.
_FOLD = """
    ON CONFLICT (run_id, key_id) DO UPDATE SET
        last = CASE WHEN excluded.last_step >= metric_summaries.last_step
            THEN excluded.last ELSE metric_summaries.last END,
        last_step = CASE WHEN excluded.last_step >= metric_summaries.last_step
            THEN excluded.last_step ELSE metric_summaries.last_step END,
        min_step = CASE WHEN coalesce(excluded.min < metric_summaries.min,
            metric_summaries.min IS NULL) THEN excluded.min_step
            ELSE metric_summaries.min_step END,
        min = CASE WHEN coalesce(excluded.min < metric_summaries.min,
            metric_summaries.min IS NULL) THEN excluded.min ELSE metric_summaries.min END,
        max_step = CASE WHEN coalesce(excluded.max > metric_summaries.max,
            metric_summaries.max IS NULL) THEN excluded.max_step
            ELSE metric_summaries.max_step END,
        max = CASE WHEN coalesce(excluded.max > metric_summaries.max,
            metric_summaries.max IS NULL) THEN excluded.max ELSE metric_summaries.max END
"""


def fold_summaries(
    session: Session, new: Iterable[tuple[int, int, Sequence[int], Sequence[float]]]
) -> None:
    """Bring summaries up to date with new values: run, metric key, steps ascending, values.

    A run and key must not come twice.
    """
    rows = [
        (run_id, key_id, *summarise(steps, values), None) for run_id, key_id, steps, values in new
    ]
    bulk.insert(session, MetricSummary, rows, conflict=_FOLD)


def summarise(steps: Sequence[int], values: Sequence[float]) -> tuple[float | int | None, ...]:
    """Return last, min and max with their steps: of equal extremes the first, of NaNs none."""
    last = values[-1]
    if isfinite(sum(values)):
        low, high = min(values), max(values)
        low_step, high_step = steps[values.index(low)], steps[values.index(high)]
        return last, steps[-1], low, low_step, high, high_step
    numbers = [pair for pair in zip(values, steps, strict=True) if pair[0] == pair[0]]
    lowest = min(numbers, key=itemgetter(0), default=(None, None))
    highest = max(numbers, key=itemgetter(0), default=(None, None))
    return (last if last == last else None), steps[-1], *lowest, *highest


def values_at_best(
    session: Session, run_ids: Sequence[int], keys: Sequence[str]
) -> dict[int, dict[str, float | None]]:
    """Return each run's metrics at the epoch of its lowest val_loss: ``{run: {key: value}}``.

    Of runs that have ended they are noted with their summaries: no points are read.
    """
    ids = metrics.known_keys(session, {"val_loss", *keys})
    names = {id_: key for key, id_ in ids.items()}
    found: dict[int, dict[str, float | None]] = {id_: {} for id_ in run_ids}
    noted = select(MetricSummary.run_id, MetricSummary.key_id, MetricSummary.at_best)
    for run_id, key_id, value in session.execute(
        noted.where(MetricSummary.run_id.in_(run_ids), MetricSummary.key_id.in_(names))
    ):
        found[run_id][names[key_id]] = value
    others = [run_id for run_id, values in found.items() if values.get("val_loss") is None]
    found |= _read(session, others, keys) if others else {}
    return {run_id: {k: v for k, v in one.items() if k in keys} for run_id, one in found.items()}


def _read(
    session: Session, run_ids: Sequence[int], keys: Sequence[str]
) -> dict[int, dict[str, float | None]]:
    """Read runs' metrics at the epoch of their lowest val_loss from their points."""
    ids = metrics.known_keys(session, {"val_loss", *keys})
    names = {ids[key]: key for key in keys if key in ids}
    best = MetricSummary.min_step
    rows: Iterable[Any] = session.execute(
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
    result: dict[int, dict[str, float | None]] = {id_: {} for id_ in run_ids}
    for run_id, key_id, step, packed_steps, packed_values in rows:
        value = metrics.value_at(step, packed_steps, packed_values)
        if value is not None:
            result[run_id][names[key_id]] = None if value != value else value
    return result


def note_best(session: Session, run_ids: Sequence[int]) -> None:
    """Note, with the summaries of runs that have ended, their values at the best epoch."""
    ids = {name: id_ for id_, name in session.execute(select(MetricKey.id, MetricKey.name)).all()}
    found = _read(session, run_ids, list(ids))
    rows = [
        {"of_run": run_id, "of_key": ids[key], "value": value}
        for run_id, by_key in found.items()
        for key, value in by_key.items()
    ]
    if rows:
        session.connection().execute(_AT_BEST, rows)


def forget_best(session: Session, run_ids: Sequence[int]) -> None:
    """Take back what `note` noted: these runs are to be trained once more."""
    for some in bulk.chunks(run_ids):
        kept = MetricSummary.run_id.in_(some) & MetricSummary.at_best.is_not(None)
        session.execute(update(MetricSummary).where(kept).values(at_best=None))


_AT_BEST = (
    update(MetricSummary)
    .where(MetricSummary.run_id == bindparam("of_run"), MetricSummary.key_id == bindparam("of_key"))
    .values(at_best=bindparam("value"))
)

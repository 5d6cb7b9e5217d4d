"""Summaries of metrics: kept beside the points, in the transaction that adds them."""

from collections.abc import Iterable, Sequence
from math import isfinite
from operator import itemgetter

from sqlalchemy.orm import Session

from backend.store import bulk
from backend.store.tables import MetricSummary

FIELDS = ("last", "last_step", "min", "min_step", "max", "max_step", "at_best")

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


def fold(session: Session, new: Iterable[tuple[int, int, Sequence[int], Sequence[float]]]) -> None:
    """Bring summaries up to date with new values: run, metric key, steps ascending, values.

    A run and key must not come twice.
    """
    rows = [
        (run_id, key_id, *summary(steps, values), None) for run_id, key_id, steps, values in new
    ]
    bulk.insert(session, MetricSummary, rows, conflict=_FOLD)


def summary(steps: Sequence[int], values: Sequence[float]) -> tuple[float | int | None, ...]:
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

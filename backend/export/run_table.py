"""The runs of an experiment as one table: a row per run with its fields, settings and results."""

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from backend.runs.fields import RUN_FIELDS, FieldValue, value_of
from backend.runs.items import run_items
from backend.runs.schemas import RunItem
from backend.store import metric_summaries, runs
from backend.store.tables import Run

RUNS_PER_READ = 500

RunTable = dict[str, list[FieldValue]]
"""Columns by name, all of the same length; None where a run has no value."""


def run_table(session: Session, experiment_id: int) -> RunTable:
    """Return the table.

    Its columns are the exported fields of a run, the hyperparameters by dotted path, and the
    metrics at the last and the best epoch.
    """
    rows: list[dict[str, FieldValue]] = []
    after: int | None = None
    while True:
        page, after = runs.page(session, experiment_id, after=after, limit=RUNS_PER_READ)
        rows += _rows(session, page)
        if after is None:
            break
    columns = dict.fromkeys(column for row in rows for column in row)
    return {column: [row.get(column) for row in rows] for column in columns}


def _rows(session: Session, page: Sequence[Run]) -> list[dict[str, FieldValue]]:
    items = run_items(session, page)
    keys = sorted({key for item in items for key in item.summary})
    at_best = metric_summaries.values_at_best(session, [item.id for item in items], keys)
    return [_fields(item) | item.params | _metrics(item, keys, at_best[item.id]) for item in items]


def _fields(item: RunItem) -> dict[str, FieldValue]:
    return {
        field.exported_as: value_of(item, field.source)
        for field in RUN_FIELDS.values()
        if field.exported_as is not None
    }


def _metrics(
    item: RunItem, keys: Sequence[str], at_best: Mapping[str, float | None]
) -> dict[str, FieldValue]:
    last: dict[str, FieldValue] = {
        f"last.{key}": item.summary.get(key, {}).get("last") for key in keys
    }
    return last | {f"best.{key}": at_best.get(key) for key in keys}

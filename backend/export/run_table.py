"""The runs of an experiment as one table: a row a run, what it was asked and what came of it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from backend.runs.schemas import RunItem, run_items
from backend.store import metric_summaries, runs
from backend.store.tables import Run

RUNS_PER_READ = 500  # runs read at a time

RunTable = dict[str, list[Any]]
"""Columns by name, all of one length; None where a run has no such value."""


def run_table(session: Session, experiment_id: int) -> RunTable:
    """Return the table: the run, its params by dotted path, its metrics at last and best epoch."""
    rows: list[dict[str, Any]] = []
    after: int | None = None
    while True:
        page, after = runs.page(session, experiment_id, after=after, limit=RUNS_PER_READ)
        rows += _rows(session, page)
        if after is None:
            break
    columns = dict.fromkeys(column for row in rows for column in row)
    return {column: [row.get(column) for row in rows] for column in columns}


def _rows(session: Session, page: Sequence[Run]) -> list[dict[str, Any]]:
    items = run_items(session, page)
    keys = sorted({key for item in items for key in item.summary})
    at_best = metric_summaries.values_at_best(session, [item.id for item in items], keys)
    return [
        _facts(item, row) | item.params | _metrics(item, keys, at_best[item.id])
        for item, row in zip(items, page, strict=True)
    ]


def _facts(item: RunItem, row: Run) -> dict[str, Any]:
    return {
        "run": item.id,
        "status": item.status,
        "variant": item.variant,
        "verdict": item.verdict,
        "rule": (row.diagnosis or {}).get("rule"),
        "epochs": item.epoch,
        "best_epoch": item.best_epoch,
        "early_stop_epoch": item.early_stop_epoch,
        "parameters": item.parameters,
        "error": item.error,
        "started_at": item.started_at,
        "ended_at": item.ended_at,
    }


def _metrics(
    item: RunItem, keys: Sequence[str], at_best: dict[str, float | None]
) -> dict[str, Any]:
    last = {f"last.{key}": item.summary.get(key, {}).get("last") for key in keys}
    return last | {f"best.{key}": at_best.get(key) for key in keys}

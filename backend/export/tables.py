"""Tables of an experiment: its metrics, with a row per run and epoch, and its runs.

Metrics are read in slices, each in its own transaction, so that neither memory nor a transaction
grows with the experiment.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from arro3.core import Array, DataType, Field, RecordBatch, RecordBatchReader, Schema
from sqlalchemy.orm import Session

from backend.runs.fields import RUN_FIELDS, FieldValue, ValueSource, value_of
from backend.runs.items import run_items
from backend.runs.schemas import RunItem
from backend.series import Series
from backend.store import Database, metric_storage, metric_summaries, metrics, runs
from backend.store.tables import Run

ROWS_PER_SLICE = 50_000


@dataclass(frozen=True)
class ReadSlice:
    """Some complete runs, or a range of the epochs of one run."""

    run_ids: Sequence[int]
    first_step: int | None = None
    last_step: int | None = None


def read_slices(
    lengths: Iterable[tuple[int, int]], rows: int = ROWS_PER_SLICE
) -> Iterator[ReadSlice]:
    """Divide runs, given as (id, epochs), into slices of at most `rows` epochs."""
    run_ids: list[int] = []
    epochs = 0
    for run_id, length in lengths:
        if run_ids and epochs + length > rows:
            yield ReadSlice(run_ids)
            run_ids, epochs = [], 0
        if length > rows:
            for first in range(0, length, rows):
                last = first + rows - 1 if first + rows < length else None
                yield ReadSlice([run_id], first or None, last)  # steps may be negative
        else:
            run_ids, epochs = [*run_ids, run_id], epochs + length
    if run_ids:
        yield ReadSlice(run_ids)


def metric_table(database: Database, experiment_id: int) -> RecordBatchReader:
    """Return the table as a stream of batches, each read when it is needed."""
    with database.read() as session:
        keys = metric_storage.keys_of(session, experiment_id)
        lengths = runs.lengths(session, experiment_id)
    fields = [Field(name, DataType.int64(), nullable=False) for name in ("run", "epoch")]
    schema = Schema([*fields, *(Field(key, DataType.float64()) for key in keys)])
    return RecordBatchReader.from_batches(
        schema, (_batch(database, schema, keys, part) for part in read_slices(lengths))
    )


def _batch(database: Database, schema: Schema, keys: Sequence[str], part: ReadSlice) -> RecordBatch:
    with database.read() as session:
        by_run = metrics.series_of(
            session, part.run_ids, keys, first_step=part.first_step, last_step=part.last_step
        )
    ids: list[int] = []
    steps: list[int] = []
    columns: dict[str, list[float | None]] = {key: [] for key in keys}
    for run_id, by_key in by_run.items():
        all_steps = [np.array([], int), *(series.steps for series in by_key.values())]
        epochs: list[int] = np.unique(np.concatenate(all_steps)).tolist()
        ids += [run_id] * len(epochs)
        steps += epochs
        for key, column in columns.items():
            column += _column(by_key[key], epochs)
    integer = DataType.int64()
    values = (Array(columns[key], type=DataType.float64()) for key in keys)
    arrays = [Array(ids, type=integer), Array(steps, type=integer), *values]
    return RecordBatch.from_arrays(arrays, schema=schema)


def _column(series: Series, epochs: Sequence[int]) -> list[float | None]:
    """Return a column: NaN for a value recorded as NaN, None for a missing value."""
    values: list[float] = series.values.tolist()
    if len(values) == len(epochs):
        return list(values)
    known: Mapping[int, float] = dict(zip(series.steps.tolist(), values, strict=True))
    return [known.get(epoch) for epoch in epochs]


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
    columns = dict.fromkeys([*_exported(), *(column for row in rows for column in row)])
    return {column: [row.get(column) for row in rows] for column in columns}


def _rows(session: Session, page: Sequence[Run]) -> list[dict[str, FieldValue]]:
    items = run_items(session, page)
    keys = sorted({key for item in items for key in item.summary})
    at_best = metric_summaries.values_at_best(session, [item.id for item in items], keys)
    return [
        _fields(item) | _params(item) | _metrics(item, keys, at_best[item.id]) for item in items
    ]


def _params(item: RunItem) -> dict[str, FieldValue]:
    """Return the hyperparameters; those of external runs may be named like other columns."""
    if item.is_external:
        return {f"params.{name}": value for name, value in item.params.items()}
    return item.params


def _exported() -> dict[str, ValueSource]:
    """Return where the value of each exported field comes from, by its column."""
    return {
        field.exported_as: field.source
        for field in RUN_FIELDS.values()
        if field.exported_as is not None
    }


def _fields(item: RunItem) -> dict[str, FieldValue]:
    return {column: value_of(item, source) for column, source in _exported().items()}


def _metrics(
    item: RunItem, keys: Sequence[str], at_best: Mapping[str, float | None]
) -> dict[str, FieldValue]:
    last: dict[str, FieldValue] = {
        f"last.{key}": item.summary.get(key, {}).get("last") for key in keys
    }
    return last | {f"best.{key}": at_best.get(key) for key in keys}

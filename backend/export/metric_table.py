"""The metrics of an experiment as one table: a row a run and epoch, a column a metric.

Read a portion at a time, each in a transaction of its own, so that neither memory nor a transaction
grows with the experiment.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from arro3.core import Array, DataType, Field, RecordBatch, RecordBatchReader, Schema

from backend.series import Series
from backend.store import Database, metrics, runs

ROWS_PER_SLICE = 50_000  # of a portion, about


@dataclass(frozen=True)
class ReadSlice:
    """Some runs whole, or a stretch of the epochs of one."""

    run_ids: Sequence[int]
    first_step: int | None = None
    last_step: int | None = None


def read_slices(
    lengths: Iterable[tuple[int, int]], rows: int = ROWS_PER_SLICE
) -> Iterator[ReadSlice]:
    """Cut runs (id, epochs) into portions of at most `rows` epochs."""
    some: list[int] = []
    held = 0
    for run_id, length in lengths:
        if some and held + length > rows:
            yield ReadSlice(some)
            some, held = [], 0
        if length > rows:
            for first in range(0, length, rows):
                yield ReadSlice(
                    [run_id], first, first + rows - 1 if first + rows < length else None
                )
        else:
            some, held = [*some, run_id], held + length
    if some:
        yield ReadSlice(some)


def metric_table(database: Database, experiment_id: int) -> RecordBatchReader:
    """Return the table as a stream of batches, read as they are asked for.

    A value that was recorded as NaN is NaN; what was not recorded is null.
    """
    with database.read() as session:
        keys = metrics.keys_of(session, experiment_id)
        lengths = runs.lengths(session, experiment_id)
    fields = [Field(name, DataType.int64(), nullable=False) for name in ("run", "epoch")]
    schema = Schema([*fields, *(Field(key, DataType.float64()) for key in keys)])
    return RecordBatchReader.from_batches(
        schema, (_batch(database, schema, keys, one) for one in read_slices(lengths))
    )


def _batch(
    database: Database, schema: Schema, keys: Sequence[str], portion: ReadSlice
) -> RecordBatch:
    with database.read() as session:
        found = metrics.series_of(
            session, portion.run_ids, keys,
            first_step=portion.first_step, last_step=portion.last_step,
        )  # fmt: skip
    ids: list[int] = []
    steps: list[int] = []
    columns: dict[str, list[float | None]] = {key: [] for key in keys}
    for run_id, series in found.items():
        every = [np.array([], int), *(one.steps for one in series.values())]
        epochs: list[int] = np.unique(np.concatenate(every)).tolist()
        ids += [run_id] * len(epochs)
        steps += epochs
        for key, column in columns.items():
            column += _column(series[key], epochs)
    whole = DataType.int64()
    values = (Array(columns[key], type=DataType.float64()) for key in keys)
    arrays = [Array(ids, type=whole), Array(steps, type=whole), *values]
    return RecordBatch.from_arrays(arrays, schema=schema)


def _column(series: Series, epochs: Sequence[int]) -> list[float | None]:
    values: list[float] = series.values.tolist()
    if len(values) == len(epochs):
        return list(values)
    known: Mapping[int, float] = dict(zip(series.steps.tolist(), values, strict=True))
    return [known.get(epoch) for epoch in epochs]

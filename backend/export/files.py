"""Tables as CSV, safe against formulas in spreadsheets, and as Parquet files."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from math import isnan
from tempfile import TemporaryFile

import numpy as np
from arro3.core import Array, DataType, Field, RecordBatch, RecordBatchReader, Schema
from arro3.io import write_csv, write_parquet

from backend.export.cells import csv_cell
from backend.export.tables import RunTable
from backend.runs.fields import FieldValue
from backend.series import Series

ROWS_PER_PIECE = 1000  # rows of a series that are sent at a time
POINTS_PER_PIECE = 20_000


def csv_lines(rows: Iterable[Iterable[object]]) -> bytes:
    """Return rows as UTF-8 lines of CSV. Lines end in LF, as those of `stream_lines` do."""
    lines = (",".join(map(csv_cell, row)) + "\n" for row in rows)
    return "".join(lines).encode("utf-8", "replace")


def table_lines(table: RunTable) -> Iterator[bytes]:
    """Yield a table of runs: the column names, then a line per run."""
    yield csv_lines([table])
    yield csv_lines(zip(*table.values(), strict=True))


def stream_lines(table: RecordBatchReader) -> Iterator[bytes]:
    """Yield a table of numbers: the column names, then a piece per batch."""
    yield csv_lines([table.schema.names])
    for batch in table:
        piece = BytesIO()
        write_csv(batch, piece, header=False)
        yield piece.getvalue()


def series_lines(series: Mapping[str, Series]) -> Iterator[bytes]:
    """Yield the metrics of a run: their names, then a line per step. A missing value is empty."""
    steps = np.unique(
        np.concatenate([np.array([], int), *(metric.steps for metric in series.values())])
    )
    yield csv_lines([["step", *series]])
    for start in range(0, len(steps), ROWS_PER_PIECE):
        block = steps[start : start + ROWS_PER_PIECE]
        columns = (
            [_cell(value) for value in metric.values_at(block).tolist()]
            for metric in series.values()
        )
        yield csv_lines(zip(block.tolist(), *columns, strict=True))


def point_lines(series: Mapping[str, Series]) -> Iterator[bytes]:
    """Yield the metrics of a run with a line per point: metric, step and value."""
    lines = ["metric,step,value\n"]
    for name, metric in series.items():
        cell = csv_cell(name)
        points = zip(metric.steps.tolist(), metric.values.tolist(), strict=True)
        lines += [f"{cell},{step},{csv_cell(_cell(value))}\n" for step, value in points]
        if len(lines) > POINTS_PER_PIECE:
            yield "".join(lines).encode("utf-8", "replace")
            lines = []
    yield "".join(lines).encode("utf-8", "replace")


def _cell(value: float) -> float | None:
    return None if isnan(value) else value


COMPRESSION = "zstd(3)"
PIECE_BYTES = 1 << 20


def table_file(table: RunTable) -> Iterator[bytes]:
    """Yield a table of runs as a Parquet file, in pieces."""
    columns = {name: _typed(values) for name, values in table.items()}
    schema = Schema([Field(name, kind) for name, (kind, _) in columns.items()])
    arrays = [Array(values, type=kind) for kind, values in columns.values()]
    batch = RecordBatch.from_arrays(arrays, schema=schema)
    return stream_file(RecordBatchReader.from_batches(schema, [batch]))


def stream_file(table: RecordBatchReader) -> Iterator[bytes]:
    """Yield a table as a Parquet file, in pieces, from a temporary file on disk."""
    with TemporaryFile() as file:
        write_parquet(table, file, compression=COMPRESSION)
        file.seek(0)
        while piece := file.read(PIECE_BYTES):
            yield piece


def _typed(values: Sequence[FieldValue]) -> tuple[DataType, list[FieldValue]]:
    """Return the narrowest type that holds all values of a column, and the column in that type."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return DataType.bool(), list(values)
    if kinds == {int}:
        return DataType.int64(), list(values)
    if kinds and kinds <= {int, float}:
        return DataType.float64(), [None if value is None else float(value) for value in values]
    return DataType.string(), [_text(value) for value in values]


def _text(value: FieldValue) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)

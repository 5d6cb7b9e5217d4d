"""Tables as Parquet files."""

import json
from collections.abc import Iterator, Sequence
from tempfile import TemporaryFile
from typing import Any

from arro3.core import Array, DataType, Field, RecordBatch, RecordBatchReader, Schema
from arro3.io import write_parquet

from backend.export.run_table import RunTable

COMPRESSION = "zstd(3)"
PIECE_BYTES = 1 << 20  # bytes


def table_file(table: RunTable) -> Iterator[bytes]:
    """Return a table of runs as a file, in pieces."""
    columns = {name: _typed(values) for name, values in table.items()}
    schema = Schema([Field(name, kind) for name, (kind, _) in columns.items()])
    arrays = [Array(values, type=kind) for kind, values in columns.values()]
    batch = RecordBatch.from_arrays(arrays, schema=schema)
    return stream_file(RecordBatchReader.from_batches(schema, [batch]))


def stream_file(table: RecordBatchReader) -> Iterator[bytes]:
    """Return a table as a file, in pieces. The file is on disk meanwhile, never in memory."""
    with TemporaryFile() as file:
        write_parquet(table, file, compression=COMPRESSION)
        file.seek(0)
        while piece := file.read(PIECE_BYTES):
            yield piece


def _typed(values: Sequence[Any]) -> tuple[DataType, list[Any]]:
    """Return the narrowest type that holds all of a column, and the column in it."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return DataType.bool(), list(values)
    if kinds == {int}:
        return DataType.int64(), list(values)
    if kinds and kinds <= {int, float}:
        return DataType.float64(), [None if value is None else float(value) for value in values]
    return DataType.string(), [_text(value) for value in values]


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)

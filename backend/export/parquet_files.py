"""Tables as Parquet files."""

import json
from collections.abc import Iterator, Sequence
from tempfile import TemporaryFile

from arro3.core import Array, DataType, Field, RecordBatch, RecordBatchReader, Schema
from arro3.io import write_parquet

from backend.export.run_table import RunTable
from backend.runs.fields import FieldValue

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

"""Parquet tables, such as those of Neptune's exporter. They need polars, which may be missing."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backend import work_budget
from backend.log_formats.columns import Points, Table
from backend.log_formats.history import History, Unreadable
from backend.log_formats.limits import log_limits
from backend.log_formats.log_file import LogFile
from backend.log_formats.log_format import FileFormat
from backend.log_formats.tables import histories_of_table

MAGIC = b"PAR1"
MAX_CELLS = 20_000_000
MAX_COLUMNS = 2000


def read_parquet(file: LogFile) -> list[History]:
    """Return the histories of a Parquet table. Raises Unreadable."""
    try:
        import polars
    except ImportError as error:
        raise Unreadable(
            "it is a Parquet table; install polars to read it: pip install polars"
        ) from error
    content = file.content
    source = content if isinstance(content, Path) else io.BytesIO(
        file.read(log_limits().max_log_file_bytes, "LAB_MAX_LOG_FILE_BYTES")
    )  # fmt: skip
    try:
        table = Table(*_columns(polars, source))
    except (polars.exceptions.PolarsError, OSError, ValueError) as error:
        reason = str(error).split("\n")[0][:100]
        raise Unreadable(f"it is a damaged Parquet table: {reason}") from error
    histories = histories_of_table(table)
    if not histories:
        raise Unreadable("its Parquet table holds no column of numbers")
    return histories


def _columns(
    polars: Any, source: Path | io.BytesIO
) -> tuple[dict[str, Points], dict[str, dict[int, str]], int]:
    """Return the columns of numbers and of texts, and the number of rows. Raises Unreadable."""
    schema = polars.read_parquet_schema(source)
    if len(schema) > MAX_COLUMNS:
        raise Unreadable(f"it has {len(schema):,} columns, accepted: {MAX_COLUMNS:,}")
    kept = [name for name, kind in schema.items() if kind.is_numeric() or kind == polars.String]
    lazy = polars.scan_parquet(source).select(kept)
    length = int(lazy.select(polars.len()).collect().item())
    if length * len(kept) > MAX_CELLS:
        raise Unreadable(
            f"it has {length:,} rows of {len(kept)} columns; accepted: {MAX_CELLS:,} cells"
        )
    numbers: dict[str, Points] = {}
    texts: dict[str, dict[int, str]] = {}
    for name in kept:
        work_budget.check()
        column = lazy.select(name).collect()[name]
        rows = np.flatnonzero(column.is_not_null().to_numpy())
        if not len(rows):
            continue
        if column.dtype.is_numeric():
            values = column.drop_nulls().cast(polars.Float64).to_numpy()
            numbers[name] = Points(rows, values)
        else:
            texts[name] = dict(_interned(rows.tolist(), column.drop_nulls().to_list()))
    return numbers, texts, length


def _interned(rows: Sequence[int], cells: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield rows and texts, one object for equal texts."""
    known: dict[str, str] = {}
    for row, cell in zip(rows, cells, strict=True):
        yield row, known.setdefault(cell, cell)


FORMAT = FileFormat(
    name="Parquet table",
    looks="a table with a row per epoch, step or value, as Neptune's exporter writes it",
    files="*.parquet",
    example={},
    sniff=lambda file: file.head.startswith(MAGIC),
    read=read_parquet,
)

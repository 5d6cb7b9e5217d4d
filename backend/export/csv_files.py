"""Tables as comma-separated values that no spreadsheet takes for formulas."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO, StringIO
from math import isnan
from typing import Any

import numpy as np
from arro3.core import RecordBatchReader
from arro3.io import write_csv

from backend.export.run_table import RunTable
from backend.series import Series

ROWS_PER_PIECE = 1000  # are written at a time

FORMULA = tuple("=+-@\t\r\n\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}"
                "\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}")  # fmt: skip
"""What a text begins with that a spreadsheet would compute (OWASP, "CSV Injection")."""


def escape_cell(value: Any) -> Any:
    """Return a value as a cell: text that would be computed gets an apostrophe before it."""
    if isinstance(value, list | dict):
        return json.dumps(value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def csv_lines(rows: Iterable[Iterable[Any]]) -> bytes:
    """Return rows as lines of CSV, UTF-8; lines end as those of `stream_lines` do."""
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [escape_cell(value) for value in row] for row in rows
    )
    return text.getvalue().encode("utf-8", "replace")


def table_lines(table: RunTable) -> Iterator[bytes]:
    """Return a table of runs: names, then a line a run."""
    yield csv_lines([table])
    yield csv_lines(zip(*table.values(), strict=True))


def stream_lines(table: RecordBatchReader) -> Iterator[bytes]:
    """Return a table of numbers: names, then a piece for each batch."""
    yield csv_lines([table.schema.names])
    for batch in table:
        piece = BytesIO()
        write_csv(batch, piece, header=False)
        yield piece.getvalue()


def series_lines(series: Mapping[str, Series]) -> Iterator[bytes]:
    """Return one run's metrics: names, then a line a step; empty where there is no number."""
    steps = np.unique(np.concatenate([np.array([], int), *(one.steps for one in series.values())]))
    yield csv_lines([["step", *series]])
    for start in range(0, len(steps), ROWS_PER_PIECE):
        block = steps[start : start + ROWS_PER_PIECE]
        columns = ([_cell(x) for x in one.values_at(block).tolist()] for one in series.values())
        yield csv_lines(zip(block.tolist(), *columns, strict=True))


def _cell(value: float) -> float | None:
    return None if isnan(value) else value

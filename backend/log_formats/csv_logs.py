"""CSV logs: a row per epoch, or a row per event with blanks in the columns of other events."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from backend import work_budget
from backend.log_formats.history import (
    EPOCH_NAMES,
    STEP_NAMES,
    History,
    Unreadable,
    from_rows,
    parse_number,
)
from backend.log_formats.log_format import FileFormat

DELIMITERS = ",;\t|"
MAX_COLUMNS = 2000
RUN_NAMES = ("run", "run_id", "run_name", "fold", "trial", "experiment", "seed")
HEADER_REPEATED = (
    "earlier rows: the header is repeated, as after a restart; only the rows after the last header "
    "are read"
)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(e[+-]?\d+)?", re.IGNORECASE)


def read_table(text: str) -> list[History]:
    """Return the histories of a table with a header: one for each run that a column names.

    Raises Unreadable.
    """
    text = text.lstrip()
    header, *_ = text.split("\n", 1)
    delimiter = max(DELIMITERS, key=header.count)
    table = _last_table(text, header, delimiter)
    try:
        histories = [history for history in _histories(_rows(table, delimiter)) if history]
    except csv.Error as error:
        raise Unreadable(f"it is not readable as CSV: {error}") from error
    if not histories:
        raise Unreadable("it holds no column of numbers under a header")
    if table is text:
        return histories
    return [replace(histories[0], remarks=(*histories[0].remarks, HEADER_REPEATED))]


def _histories(rows: Iterator[dict[str, str]]) -> Iterator[History | None]:
    """Yield the history of all rows, or that of each run if a column names the runs."""
    first = next(rows, {})
    run_column = next((name for name in first if name.lower() in RUN_NAMES), None)
    if run_column is None:
        yield from_rows(chain([first], rows))
        return
    by_run: dict[str, list[dict[str, str]]] = {}
    for row in chain([first], rows):
        by_run.setdefault(row.pop(run_column, ""), []).append(row)
    for name, rows_of_run in by_run.items():
        yield from_rows(rows_of_run, name if len(by_run) > 1 else None)


def _last_table(text: str, header: str, delimiter: str) -> str:
    """Return the table from its last header on, unless epochs, steps or runs order its rows."""
    names = {name.strip().strip('"').lower() for name in header.split(delimiter)}
    at = text.rfind(f"\n{header}\n")
    ordered = names & {*EPOCH_NAMES, *STEP_NAMES, *RUN_NAMES}
    return text[at + 1 :] if at > 0 and not ordered else text


def _rows(text: str, delimiter: str) -> Iterator[dict[str, str]]:
    """Yield the rows below the header, without their blank cells."""
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    header = [name.strip() for name in next(rows, [])]
    if len(header) > MAX_COLUMNS:
        raise Unreadable(f"its first line has {len(header):,} columns, accepted: {MAX_COLUMNS:,}")
    if any(parse_number(name) is not None for name in header if name):
        raise Unreadable("its first line has numbers where the names of the columns are expected")
    for row in rows:
        work_budget.check()
        cells = ((name, cell.strip()) for name, cell in zip(header, row, strict=False))
        yield {name: _with_point(cell, delimiter) for name, cell in cells if name and cell}


def _with_point(cell: str, delimiter: str) -> str:
    """Return a number that is written with a decimal comma with a decimal point."""
    decimal = delimiter != "," and "," in cell and _DECIMAL_COMMA.fullmatch(cell)
    return cell.replace(",", ".") if decimal else cell


FORMAT = FileFormat(
    name="table",
    looks="a header with the names of the columns, then a row per epoch or step",
    files="metrics.csv, results.csv, history.csv, training.tsv",
    example={"history.csv": "epoch,loss,val_loss\n1,2.1,2.3\n2,1.5,1.6\n3,1.1,1.2\n"},
    sniff=lambda file: bool(file.text.strip()),
    read=lambda file: read_table(file.text),
)

"""CSV: one row an epoch or one an event, blanks where a row does not speak of a column."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from backend.log_formats.history import EPOCH, STEP, History, Unreadable, from_rows, parse_number

DELIMITERS = ",;\t|"
MOST_COLUMNS = 2000
RUNS = ("run", "run_id", "run_name", "fold", "trial", "experiment", "seed")
REPEATED = "earlier rows: the header is repeated, as of a run begun anew; what comes last is read"
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(e[+-]?\d+)?", re.IGNORECASE)


def read_table(text: str) -> list[History]:
    """Return the histories of a table with a header, one a run if it names them.

    Raises Unreadable.
    """
    text = text.lstrip()
    header, *_ = text.split("\n", 1)
    delimiter = max(DELIMITERS, key=header.count)
    last = _last_part(text, header, delimiter)
    try:
        found = [one for one in _histories(_rows(last, delimiter)) if one]
    except csv.Error as error:
        raise Unreadable(f"it is not readable as CSV: {error}") from error
    if not found:
        raise Unreadable("it holds no column of numbers under a header")
    return found if last is text else [replace(found[0], remarks=(*found[0].remarks, REPEATED))]


def _histories(rows: Iterator[dict[str, str]]) -> Iterator[History | None]:
    """Yield the history of all rows, or those of each run that a column of runs names."""
    first = next(rows, {})
    run = next((name for name in first if name.lower() in RUNS), None)
    if run is None:
        yield from_rows(chain([first], rows))
        return
    by_run: dict[str, list[dict[str, str]]] = {}
    for row in chain([first], rows):
        by_run.setdefault(row.pop(run, ""), []).append(row)
    for name, of_run in by_run.items():
        yield from_rows(of_run, name if len(by_run) > 1 else None)


def _last_part(text: str, header: str, delimiter: str) -> str:
    """Return the table from its last header on, if no epoch or step tells its rows apart."""
    names = {name.strip().strip('"').lower() for name in header.split(delimiter)}
    at = text.rfind(f"\n{header}\n")
    return text[at + 1 :] if at > 0 and not names & {*EPOCH, *STEP, *RUNS} else text


def _rows(text: str, delimiter: str) -> Iterator[dict[str, str]]:
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    header = [name.strip() for name in next(rows, [])]
    if len(header) > MOST_COLUMNS:
        raise Unreadable(f"its first line has {len(header):,} columns, accepted: {MOST_COLUMNS:,}")
    if any(parse_number(name) is not None for name in header if name):
        raise Unreadable("its first line has numbers where the names of the columns are expected")
    for row in rows:
        cells = ((name, cell.strip()) for name, cell in zip(header, row, strict=False))
        yield {name: _plain(cell, delimiter) for name, cell in cells if name and cell}


def _plain(cell: str, delimiter: str) -> str:
    """Return a number with a decimal comma as one with a point."""
    decimal = delimiter != "," and "," in cell and _DECIMAL_COMMA.fullmatch(cell)
    return cell.replace(",", ".") if decimal else cell

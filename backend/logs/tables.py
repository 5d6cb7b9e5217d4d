"""CSV: one row an epoch or one an event, blanks where a row does not speak of a column."""

import csv
import io
from collections.abc import Iterator

from backend.logs.history import History, Unreadable, from_rows, number

DELIMITERS = ",;\t|"
MOST_COLUMNS = 2000


def read_table(text: str) -> list[History]:
    """Return the history of a table with a header. Raises Unreadable."""
    try:
        found = from_rows(_rows(text))
    except csv.Error as error:
        raise Unreadable(f"it is not readable as CSV: {error}") from error
    if found is None:
        raise Unreadable("it holds no column of numbers under a header")
    return [found]


def _rows(text: str) -> Iterator[dict[str, str]]:
    first = text.lstrip().split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=first.count)
    rows = csv.reader(io.StringIO(text.lstrip()), delimiter=delimiter)
    header = [name.strip() for name in next(rows, [])]
    if len(header) > MOST_COLUMNS:
        raise Unreadable(f"its first line has {len(header):,} columns, accepted: {MOST_COLUMNS:,}")
    if any(number(name) is not None for name in header if name):
        raise Unreadable("its first line has numbers where the names of the columns are expected")
    for row in rows:
        cells = zip(header, row, strict=False)
        yield {name: cell.strip() for name, cell in cells if name and cell.strip()}

"""Tables with delimiters: CSV, semicolons, tabs and Markdown, a row per epoch, step or value."""

import csv
from collections.abc import Iterator, Sequence

from backend.log_formats.columns import Table, TableBuilder
from backend.log_formats.history import History, Unreadable
from backend.log_formats.log_file import LogFile
from backend.log_formats.log_format import FileFormat
from backend.log_formats.numbers import parse_number, with_point
from backend.log_formats.tables import histories_of_table

DELIMITERS = ",;\t|"
MAX_COLUMNS = 2000
MAX_PREAMBLE = 50  # lines before the header
SHOWN = 80  # characters of a line in a message
_RULES = frozenset("-=:+| \t")  # of lines between the header and the rows of a Markdown table


def read_table(text: str) -> list[History]:
    """Return the histories of a table with a header: one for each run that it holds.

    Raises Unreadable.
    """
    histories = histories_of_table(table_in(text))
    if not histories:
        raise Unreadable("it holds no column of numbers under a header")
    return histories


def table_in(text: str, header: Sequence[str] | None = None) -> Table:
    """Return the table in a text; `header` names the columns if the text does not.

    Raises Unreadable.
    """
    start = 0 if header else (_start_of_table(text) or 0)
    line = next(_lines(text, start), "").rstrip("\n")
    delimiter = delimiter_of(line)
    builder = TableBuilder()
    reader = csv.reader(_lines(text, start), delimiter=delimiter, skipinitialspace=True)
    try:
        names = header or _header(next(reader, []), _first_row(text, start, delimiter))
        _fill(builder, reader, names, line, delimiter)
    except csv.Error as error:
        raise Unreadable(f"it is not readable as CSV: {error}") from error
    return builder.table()


def delimiter_of(line: str) -> str:
    """Return the delimiter of the first line."""
    return max(DELIMITERS, key=line.count)


def looks_like_table(text: str) -> bool:
    """Return whether a line of names stands above a line with a number, with as many delimiters."""
    return _start_of_table(text) is not None


def _start_of_table(text: str) -> int | None:
    """Return where the header begins: the first lines may be a title or comments."""
    at = 0
    lines = text[: 1 << 20].split("\n")[: MAX_PREAMBLE + 3]
    for index, line in enumerate(lines[:-1]):
        following = next((each for each in lines[index + 1 :] if not _is_rule(each)), "")
        if _is_header(line, following):
            return at
        at += len(line) + 1
    return None


def _is_rule(line: str) -> bool:
    return not set(line) - _RULES and not line.count(",")


def _is_header(line: str, row: str) -> bool:
    delimiter = delimiter_of(line)
    count = line.count(delimiter)
    if not count or not 1 <= row.count(delimiter) <= max(count + 2, 2 * count):
        return False
    names = [cell.strip().strip('"') for cell in line.split(delimiter)]
    if any(parse_number(name) is not None for name in names) or not any(names):
        return False
    if any(is_labelled(name) for name in names):
        return False
    cells = [cell.strip().strip('"') for cell in row.split(delimiter)]
    numbers = [parse_number(with_point(cell) if delimiter != "," else cell) for cell in cells]
    return any(number is not None for number in numbers)


def is_labelled(cell: str) -> bool:
    """Return whether a cell has a name and a number, as in printed logs: "loss: 0.5"."""
    for mark in (":", "=", " "):
        name, found, value = cell.rpartition(mark)
        if found and name.strip() and parse_number(value.strip().rstrip("%s")) is not None:
            return True
    return False


def _first_row(text: str, start: int, delimiter: str) -> list[str]:
    lines = text[start : start + (1 << 20)].split("\n", 3)[1:3]
    row = next((line for line in lines if not _is_rule(line)), "")
    return next(csv.reader([row], delimiter=delimiter, skipinitialspace=True), [])


def _header(names: list[str], row: list[str]) -> list[str]:
    """Return the names of the columns. Raises Unreadable."""
    names = [name.strip().lstrip("#").strip() for name in names]
    if len(names) > MAX_COLUMNS:
        raise Unreadable(f"its first line has {len(names):,} columns, accepted: {MAX_COLUMNS:,}")
    if any(parse_number(name) is not None for name in names if name):
        raise Unreadable("its first line has numbers where the names of the columns are expected")
    if len(row) == len(names) + 1 and row[0].strip() and row[-1].strip():
        return ["", *names]  # the index of a DataFrame, without a name
    return names


def _fill(
    builder: TableBuilder, reader: Iterator[list[str]], names: Sequence[str], line: str,
    delimiter: str,
) -> None:  # fmt: skip
    """Add the rows below the header. Blank names are kept for an index at the beginning only."""
    kept = [(index, name) for index, name in enumerate(names) if name or index == 0]
    first_is_index = bool(names) and not names[0] and delimiter != "|"
    if names and not names[0] and not first_is_index:
        kept = kept[1:]
    header = [name.strip() for name in line.split(delimiter)]
    comma = delimiter != ","
    for row in reader:
        if row and row[0][:1] in "-+=:" and _is_rule(delimiter.join(row)):
            continue
        if row and row[0].strip() == header[0] and [cell.strip() for cell in row] == header:
            builder.restarts.append(builder.length)
            continue
        width = len(row)
        cells = ((name, row[index]) for index, name in kept if index < width)
        builder.add((name, with_point(cell.strip()) if comma else cell.strip())
                    for name, cell in cells if cell)  # fmt: skip


def numbers_without_header(text: str) -> list[list[float]]:
    """Return the columns of a table of numbers without a header, empty for other text."""
    rows: list[list[float]] = []
    for line in text.split("\n"):
        if not line.strip():
            continue
        cells = line.replace(",", " ").replace(";", " ").split()
        numbers = [parse_number(cell) for cell in cells]
        row = [number for number in numbers if number is not None]
        if len(row) < len(cells) or (rows and len(row) != len(rows[0])):
            return []
        rows.append(row)
    return [list(column) for column in zip(*rows, strict=True)]


def _sniff(file: LogFile) -> bool:
    sample = file.sample
    if "\n" not in sample and sample.count(delimiter_of(sample)) > MAX_COLUMNS:
        return True  # refused for its columns
    return looks_like_table(sample)


def _lines(text: str, start: int) -> Iterator[str]:
    """Yield the lines of a text. A StringIO would copy it to four times its size."""
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end + 1
        yield text[start:end]
        start = end


FORMAT = FileFormat(
    name="table",
    looks="a header with the names of the columns, then a row per epoch, step or value, with "
    "commas, semicolons, tabs or bars between the cells; decimal commas; columns of runs",
    files="metrics.csv, results.csv, history.csv, loss.tsv, progress.csv",
    example={"history.csv": "epoch,loss,val_loss\n1,2.1,2.3\n2,1.5,1.6\n3,1.1,1.2\n"},
    sniff=_sniff,
    read=lambda file: read_table(file.text),
)

"""Tables whose columns are separated by blanks: printed DataFrames, fastai, DeePMD's lcurve.out."""

import re
from collections.abc import Iterator, Sequence

from backend.log_formats.columns import TableBuilder
from backend.log_formats.history import History, Unreadable
from backend.log_formats.log_file import LogFile
from backend.log_formats.log_format import FileFormat
from backend.log_formats.numbers import is_blank, parse_number
from backend.log_formats.tables import histories_of_table

MAX_PREAMBLE = 400  # lines before the header
MAX_COLUMNS = 2000
_RULE = re.compile(r"[\s\-=+|#:.]*")
_WIDE = re.compile(r"\s{2,}|\t")
_NAME = re.compile(r"[A-Za-z#_][^:=,{}]*")


def read_blank_separated(text: str) -> list[History]:
    """Return the histories of the first table in a text. Raises Unreadable."""
    lines = text.split("\n")
    found = _header(lines[:MAX_PREAMBLE])
    if found is None:
        raise Unreadable("it has no line of names above a line of numbers")
    at, names = found
    builder = TableBuilder()
    for line in lines[at + 1 :]:
        cells = _cells(line, names)
        if cells is None:
            continue
        builder.add(zip(names if len(cells) == len(names) else ["", *names], cells, strict=True))
    histories = histories_of_table(builder.table())
    if not histories:
        raise Unreadable("its table has no numbers")
    return histories


def _header(lines: Sequence[str]) -> tuple[int, list[str]] | None:
    """Return the index of the header and the names of its columns, None without a table."""
    for at, line in enumerate(lines[:-1]):
        stripped = line.strip().lstrip("#").strip()
        if not stripped or not _NAME.match(stripped):
            continue
        following = _next_row(lines[at + 1 :])
        for names in _splits(stripped):
            if 2 <= len(names) <= MAX_COLUMNS and _fits(names, following):
                return at, names
    return None


def _next_row(lines: Sequence[str]) -> str:
    return next((line for line in lines if not _RULE.fullmatch(line) and line[:1] != "#"), "")


def _splits(line: str) -> Iterator[list[str]]:
    yield line.split()
    yield [name.strip() for name in _WIDE.split(line)]


def _fits(names: Sequence[str], row: str) -> bool:
    if any(parse_number(name) is not None or name.endswith((":", "=")) for name in names):
        return False
    cells = row.split()
    numbers = sum(parse_number(cell) is not None for cell in cells)
    same = len(cells) in (len(names), len(names) + 1)
    return same and numbers >= 2 and 2 * numbers >= len(cells)


def _cells(line: str, names: Sequence[str]) -> list[str] | None:
    """Return the cells of a row, None for rules, comments and other lines."""
    if line[:1] == "#" or _RULE.fullmatch(line):
        return None
    cells = line.split()
    if len(cells) not in (len(names), len(names) + 1):
        cells = [cell.strip() for cell in _WIDE.split(line.strip())]
    if len(cells) not in (len(names), len(names) + 1):
        return None
    known = sum(parse_number(cell) is not None or is_blank(cell) for cell in cells)
    return cells if 2 * known >= len(cells) or cells[0].lower() == "mean" else None


def _sniff(file: LogFile) -> bool:
    return _header(file.sample.split("\n")[:MAX_PREAMBLE]) is not None


FORMAT = FileFormat(
    name="table with blanks",
    looks="names of columns above rows of numbers, separated by blanks; # may begin the header",
    files="lcurve.out, log.txt, progress.txt, the output of print(DataFrame) and of fastai",
    example={
        "lcurve.out": "#  step      rmse_val    rmse_trn\n      0      3.3e+01     3.4e+01\n"
        "    100      2.5e+01     2.4e+01\n    200      1.9e+01     1.7e+01\n"
    },
    sniff=_sniff,
    read=lambda file: read_blank_separated(file.text),
)

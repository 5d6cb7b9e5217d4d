"""Checks of a CSV or TSV file before it is parsed, in one pass over its bytes.

A row ends at a line end outside of quotes (RFC 4180). The pass finds the first row whose number of
fields differs from the header's, bytes that are not UTF-8, and formulas. It takes constant memory.
"""

import codecs
import csv
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from backend.own_data.column_names import checked_names
from backend.own_data.errors import RefusedTable
from backend.own_data.limits import MAX_COLUMNS, MAX_ROWS
from backend.series import Array

CHUNK_BYTES = 8 << 20
START_BYTES = 4 << 20  # the header must end within
SEPARATORS = (",", ";", "\t", "|")
NEWLINE, RETURN, QUOTE, EQUALS = 10, 13, 34, 61
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Delimited:
    """How to read a file: the separator, the names of the columns, and the rows below them.

    `has_header` is false if the first row is data.
    """

    separator: str
    names: tuple[str, ...]
    has_header: bool
    rows: int


def check_delimited(path: Path, separator: str | None = None) -> Delimited:
    """Check a file and return how to read it. Raises RefusedTable."""
    with path.open("rb") as file:
        first, second, separator = _first_rows(file.read(START_BYTES), separator)
    has_header = not (_are_numbers(first) and second and _are_numbers(second))
    written = first if has_header else [""] * len(first)
    names = checked_names(written)
    scan = _Scan(ord(separator), names, has_header)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            scan.add(chunk)
    return Delimited(separator, names, has_header, scan.finish())


def _first_rows(start: bytes, separator: str | None) -> tuple[list[str], list[str], str]:
    """Return the first two rows and the separator, by default that of most fields."""
    if start.startswith(UTF16):
        raise RefusedTable("The file is UTF-16; accepted: UTF-8. Save it again as UTF-8.")
    text = start.removeprefix(codecs.BOM_UTF8).decode("utf-8", errors="replace")
    if not text.strip():
        raise RefusedTable("The file is empty; accepted: a header and rows below it.")
    line = text.split("\n", 1)[0]
    candidates = [separator] if separator else SEPARATORS
    chosen = max(candidates, key=lambda candidate: line.count(candidate))
    if line.count(chosen) >= MAX_COLUMNS:
        count = line.count(chosen) + 1
        raise RefusedTable(f"The file has {count:,} columns; accepted: at most {MAX_COLUMNS:,}.")
    csv.field_size_limit(START_BYTES)
    rows = list(islice(csv.reader(text.splitlines(keepends=True), delimiter=chosen), 2))
    return rows[0], rows[1] if len(rows) > 1 else [], chosen


def _are_numbers(fields: list[str]) -> bool:
    try:
        return bool([float(field) for field in fields])
    except ValueError:
        return False


class _Scan:
    """The pass over the bytes of a file."""

    def __init__(self, separator: int, names: tuple[str, ...], has_header: bool) -> None:
        self._separator, self._names = separator, names
        self._below = 1 if has_header else 0  # rows that are not data
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._ended = 0  # rows, the header included
        self._blank = 0  # empty rows since the last row that was not
        self._quoted = False
        self._fields = 0  # separators of the row that has not ended
        self._row_bytes = 0  # of that row
        self._tail = b"\n"  # the last two bytes of the previous chunk

    def add(self, chunk: bytes) -> None:
        """Check a piece of the file."""
        data = np.frombuffer(chunk, np.uint8)
        outside = self._outside_of_quotes(data)
        ends = np.flatnonzero((data == NEWLINE) & outside)
        separators = np.flatnonzero((data == self._separator) & outside)
        self._check_encoding(chunk, ends, separators)
        self._check_formulas(chunk, data, ends, separators)
        is_return = np.frombuffer(self._tail[-1:] + chunk, np.uint8)[ends] == RETURN
        before = np.searchsorted(separators, ends)  # separators up to the end of each row
        counts = np.diff(before, prepend=0)
        lengths = np.diff(ends, prepend=-1) - 1
        if len(ends):
            counts[0] += self._fields
            lengths[0] += self._row_bytes
            self._check_counts(counts + 1, lengths - is_return)
            self._fields = len(separators) - int(before[-1])
            self._row_bytes = len(data) - int(ends[-1]) - 1
        else:
            self._fields += len(separators)
            self._row_bytes += len(data)
        self._tail = (self._tail + chunk[-2:])[-2:]

    def finish(self) -> int:
        """Return the number of rows below the header. Raises RefusedTable."""
        if self._quoted:
            raise RefusedTable(
                f"A quoted field that begins in or before row {self._ended:,} is never closed; "
                'accepted: a closing " in the same field.'
            )
        if self._row_bytes:
            length = self._row_bytes - (self._tail[-1:] == b"\r")
            self._check_counts(np.array([self._fields + 1]), np.array([length]))
        rows = self._ended - self._blank - self._below
        if rows < 1:
            raise RefusedTable("The file has no rows below its header; accepted: at least one.")
        return rows

    def _outside_of_quotes(self, data: Array) -> Array:
        quotes = data == QUOTE
        if not self._quoted and not quotes.any():
            return np.ones(len(data), dtype=bool)
        # only the parity counts, so that it may overflow
        inside = (np.cumsum(quotes, dtype=np.uint8) + self._quoted) & 1
        self._quoted = bool(inside[-1])
        return np.asarray(inside == 0)

    def _check_counts(self, fields: Array, lengths: Array) -> None:
        """Check the number of fields of rows that have ended, and count the rows."""
        blank = (lengths == 0) & (len(self._names) > 1)
        wrong = np.flatnonzero((fields != len(self._names)) & ~blank)
        filled = np.flatnonzero(~blank)
        if len(filled) and (self._blank or filled[-1] + 1 > len(filled)):
            first = 0 if self._blank else int(np.flatnonzero(blank)[0])
            if not len(wrong) or first < wrong[0]:
                row = self._number(first - self._blank)
                raise RefusedTable(f"Row {row:,} is empty; accepted: empty rows at the end only.")
        if len(wrong):
            self._refuse_count(self._number(int(wrong[0])), int(fields[wrong[0]]))
        self._blank = (
            len(fields) - 1 - int(filled[-1]) if len(filled) else self._blank + len(fields)
        )
        self._ended += len(fields)
        if self._ended - self._below > MAX_ROWS:
            raise RefusedTable(f"The file has more than {MAX_ROWS:,} rows; accepted: fewer.")

    def _refuse_count(self, row: int, fields: int) -> None:
        names = self._names
        if fields < len(names):
            where = f'column "{names[fields]}" is missing'
        else:
            where = f'there is a field after column "{names[-1]}"'
        raise RefusedTable(
            f"Row {row:,} has {fields:,} fields instead of {len(names):,}: {where}; accepted: as "
            "many fields as the header has."
        )

    def _check_encoding(self, chunk: bytes, ends: Array, separators: Array) -> None:
        waiting = len(self._decoder.getstate()[0])
        try:
            self._decoder.decode(chunk)
        except UnicodeDecodeError as error:
            place = self._place(max(error.start - waiting, 0), ends, separators)
            raise RefusedTable(
                f"{place} holds the byte 0x{error.object[error.start]:02x}, which is not UTF-8; "
                "accepted: UTF-8. Save the file again as UTF-8."
            ) from None
        at = chunk.find(b"\x00")
        if at >= 0:
            raise RefusedTable(
                f"{self._place(at, ends, separators)} holds a zero byte; accepted: text in UTF-8."
            )

    def _check_formulas(self, chunk: bytes, data: Array, ends: Array, separators: Array) -> None:
        """Refuse fields that begin with an equals sign, quoted or not."""
        if b"=" not in chunk:
            return
        extended = np.frombuffer(self._tail[-2:].rjust(2, b"\n") + chunk, np.uint8)
        previous, earlier = extended[1:-1], extended[:-2]
        starts = self._begins(previous) | ((previous == QUOTE) & self._begins(earlier))
        found = np.flatnonzero((data == EQUALS) & starts)
        if len(found):
            at = int(found[0])
            text = chunk[at : at + 20].decode("utf-8", errors="replace").splitlines()[0]
            text = text.split('"')[0].split(chr(self._separator))[0]
            place = self._place(at, ends, separators)
            raise RefusedTable(
                f'{place} holds the formula "{text}"; accepted: values. Save the sheet with its '
                "values."
            )

    def _begins(self, before: Array) -> Array:
        return np.asarray((before == self._separator) | (before == NEWLINE))

    def _place(self, at: int, ends: Array, separators: Array) -> str:
        """Return the row and the column of a byte of the chunk."""
        row_index = int(np.searchsorted(ends, at))
        begin = int(ends[row_index - 1]) + 1 if row_index else 0
        column = int(np.searchsorted(separators, at) - np.searchsorted(separators, begin))
        column += self._fields if not row_index else 0
        name = self._names[min(column, len(self._names) - 1)]
        row = self._number(row_index)
        return f'Row {row:,}, column "{name}"' if row else f"The header, column {column + 1},"

    def _number(self, index: int) -> int:
        """Return the number of a row of the chunk, 0 for the header."""
        return self._ended + index + 1 - self._below

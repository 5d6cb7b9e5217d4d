"""Readers of the file formats: each yields the columns of a table, one at a time, as polars Series.

They run in a process of their own, with limits on its memory and time (`own_data.sandbox`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
import polars as pl

from backend.own_data.column_names import checked_names
from backend.own_data.delimited_check import check_delimited
from backend.own_data.errors import RefusedTable
from backend.own_data.limits import COLUMN_MEMORY_BYTES, MAX_CELLS, MAX_ROWS

ACCEPTED = "CSV, TSV, Parquet, Arrow or NumPy .npz"
PARQUET_MAGIC, ARROW_MAGIC, ZIP_MAGIC = b"PAR1", b"ARROW1", b"PK\x03\x04"
ARROW_STREAM_MAGIC = b"\xff\xff\xff\xff"
OTHERS = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"\x89PNG": "a picture",
    b"%PDF": "a PDF",
    b"\x89HDF": "HDF5",
}


@dataclass(frozen=True)
class Table:
    """A table that can be read: its number of rows, its columns, and a function that reads one.

    `comma` is true where a decimal comma may stand in a number.
    """

    rows: int
    names: tuple[str, ...]
    read: Callable[[int], pl.Series]
    comma: bool = False

    def columns(self) -> Iterator[pl.Series]:
        """Yield the columns in the order of the file."""
        for position, name in enumerate(self.names):
            try:
                series = self.read(position)
            except pl.exceptions.PolarsError as error:
                raise RefusedTable(
                    f'Column "{name}" cannot be read: {_first_line(error)}; accepted: {ACCEPTED}.'
                ) from error
            yield series.alias(name)


def open_table(path: Path, file_name: str, workspace: Path) -> Table:
    """Detect the format from the content and open the file. Raises RefusedTable.

    `workspace` is a folder for files that are needed while the table is read.
    """
    with path.open("rb") as file:
        start = file.read(8)
    if not start:
        raise RefusedTable(f"The file is empty; accepted: {ACCEPTED}.")
    try:
        if start.startswith(PARQUET_MAGIC):
            return _lazy(pl.scan_parquet(path, glob=False, use_statistics=False))
        if start.startswith(ARROW_MAGIC):
            return _lazy(pl.scan_ipc(path, glob=False))
        if start.startswith(ARROW_STREAM_MAGIC):
            return _of_frame(pl.read_ipc_stream(path))
        if start.startswith(ZIP_MAGIC):
            return _npz(path)
        for magic, name in OTHERS.items():
            if start.startswith(magic):
                raise RefusedTable(f"The file is {name}; accepted: {ACCEPTED}, not compressed.")
        return _delimited(path, file_name, workspace)
    except pl.exceptions.PolarsError as error:
        raise RefusedTable(
            f"The file cannot be read: {_first_line(error)}; accepted: {ACCEPTED}."
        ) from error


def _delimited(path: Path, file_name: str, workspace: Path) -> Table:
    """Read text once into a columnar file, from which single columns are read."""
    separator = "\t" if file_name.lower().endswith((".tsv", ".tab")) else None
    form = check_delimited(path, separator)
    check_size(form.rows, len(form.names))
    frame = pl.scan_csv(
        path,
        separator=form.separator,
        has_header=form.has_header,
        schema=dict.fromkeys(form.names, pl.String),
        n_rows=form.rows,
        glob=False,
    )
    columnar = workspace / "columns.parquet"
    frame.sink_parquet(columnar, compression="lz4", statistics=False)
    return _lazy(pl.scan_parquet(columnar, glob=False), comma=form.separator == ";")


def _lazy(frame: pl.LazyFrame, *, comma: bool = False) -> Table:
    schema = frame.collect_schema()
    names = tuple(schema.names())
    checked = checked_names(names)
    rows = int(frame.select(pl.len()).collect().item())
    check_size(rows, len(names))

    def read(position: int) -> pl.Series:
        column = frame.select(pl.col(names[position]))
        return column.collect().to_series()

    return Table(rows, checked, read, comma)


def _of_frame(frame: pl.DataFrame) -> Table:
    check_size(frame.height, frame.width)
    return Table(frame.height, checked_names(frame.columns), frame.to_series)


def _npz(path: Path) -> Table:
    """Read arrays of one dimension as columns, and those of two as a column for each of theirs."""
    try:
        with ZipFile(path) as archive:
            members = archive.infolist()
            largest = max(members, key=lambda member: member.file_size, default=None)
        if largest is not None and largest.file_size > COLUMN_MEMORY_BYTES:
            raise RefusedTable(
                f"The array {largest.filename!r} has {largest.file_size:,} bytes; accepted: at "
                f"most {COLUMN_MEMORY_BYTES:,}."
            )
        if any(not member.filename.endswith(".npy") for member in members):
            raise RefusedTable(f"The file is a ZIP archive of other files; accepted: {ACCEPTED}.")
        with np.load(path, allow_pickle=False) as arrays:
            return _of_arrays({name: arrays[name] for name in arrays.files})
    except (BadZipFile, ValueError, OSError) as error:
        raise RefusedTable(
            f"The arrays cannot be read: {_first_line(error)}; accepted: numbers, texts and truth "
            "values in one or two dimensions."
        ) from error


def _of_arrays(arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]) -> Table:
    columns: dict[str, tuple[str, int | None]] = {}
    lengths: dict[str, int] = {}
    for name, array in arrays.items():
        if array.ndim not in (1, 2):
            raise RefusedTable(
                f"The array {name} has {array.ndim} dimensions; accepted: one or two."
            )
        lengths[name] = len(array)
        if array.ndim == 1:
            columns[name] = name, None
        else:
            check_size(len(array), array.shape[1])
            columns |= {f"{name}{index + 1}": (name, index) for index in range(array.shape[1])}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} has {rows:,}" for name, rows in lengths.items())
        raise RefusedTable(f"The arrays differ in rows: {listed}; accepted: as many in each.")
    rows = next(iter(lengths.values()), 0)
    check_size(rows, len(columns))
    places = list(columns.values())

    def read(position: int) -> pl.Series:
        name, index = places[position]
        array = arrays[name] if index is None else arrays[name][:, index]
        return pl.Series(np.ascontiguousarray(array))

    return Table(rows, checked_names(list(columns)), read)


def check_size(rows: int, columns: int) -> None:
    """Check the size of a table before it is read. Raises RefusedTable."""
    if rows < 1 or columns < 1:
        raise RefusedTable(f"The file has {rows:,} rows and {columns:,} columns; accepted: more.")
    if rows > MAX_ROWS:
        raise RefusedTable(f"The file has {rows:,} rows; accepted: at most {MAX_ROWS:,}.")
    if rows * columns > MAX_CELLS:
        raise RefusedTable(
            f"The file has {rows:,} rows and {columns:,} columns; accepted: at most "
            f"{MAX_CELLS:,} cells."
        )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")

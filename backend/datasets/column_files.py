"""The columns of a table on disk: an uncompressed .npz file with one array for each column.

Numbers are floats, NaN where the cell is empty. Categories are their number in the sorted list of
names, -1 where the cell is empty. The array of a column is named by its position, the list of its
names by its position and LABELS.
"""

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from zipfile import ZIP_STORED, ZipFile

import numpy as np

from backend.errors import Unavailable
from backend.private_files import open_unlinked
from backend.series import Array

LABELS = "labels"
ROW_HASHES = "rows"  # a hash of each row
EMPTY_CATEGORY = -1


class ColumnFolder:
    """The folder of the column files, each under the hash of its content.

    A process that reads tables sets `path` when it starts.
    """

    def __init__(self) -> None:
        self.path: Callable[[], Path] = lambda: Path("data") / "datasets"

    def file(self, sha256: str) -> Path:
        """Return the path of a column file."""
        return self.path() / sha256[:2] / f"{sha256}.npz"


COLUMN_FOLDER = ColumnFolder()


class ColumnWriter:
    """Writes a column file, one column at a time."""

    def __init__(self, path: Path) -> None:
        descriptor = open_unlinked(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        self._file = os.fdopen(descriptor, "wb")
        self._archive = ZipFile(self._file, "w", ZIP_STORED, allowZip64=True)

    def add(self, name: str, values: Array) -> None:
        """Write an array."""
        with self._archive.open(f"{name}.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array(_raw(member), values, allow_pickle=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._archive.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


def _raw(member: IO[bytes]) -> IO[bytes]:
    return member


class ColumnReader:
    """Reads the columns of a table, each when it is asked for. Raises Unavailable."""

    def __init__(self, path: Path) -> None:
        try:
            self._arrays = np.load(path, allow_pickle=False)
        except OSError as error:
            raise Unavailable(
                f"The columns of the data set are missing from {path}; workers need the data "
                "folder of the web service."
            ) from error

    def column(self, position: int) -> Array:
        """Return the values of a column [rows]."""
        return np.asarray(self._arrays[f"{position}"])

    def labels(self, position: int) -> Array:
        """Return the sorted names of a column's categories."""
        return np.asarray(self._arrays[f"{position}.{LABELS}"])

    def row_hashes(self) -> Array:
        """Return a hash of each row without its target."""
        return np.asarray(self._arrays[ROW_HASHES])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._arrays.close()

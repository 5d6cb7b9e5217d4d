"""The files of a SQLite database: how they are opened, and whether they are still the same.

SQLite keeps working on a file that was removed or replaced, and stores everything where nobody
finds it. Only the directory shows this. No file is opened here but by SQLite itself: closing
another descriptor of the file would drop the locks of all connections of this process.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from backend.private_files import refuse_link
from backend.store.losses import is_damaged, replaced

ENDINGS = ("", "-wal", "-shm")

Identities = dict[str, tuple[int, int]]
"""Device and inode of each file of a connection, by ending."""


class SqliteFile:
    """A SQLite database. With `must_exist`, SQLite does not create it."""

    def __init__(self, path: Path, *, must_exist: bool, timeout_seconds: float) -> None:
        self.path, self._text = path, str(path)
        self._mode = "rw" if must_exist else "rwc"
        self._timeout_seconds = timeout_seconds
        self._first: tuple[int, int] | None = None

    def connect(self) -> sqlite3.Connection:
        """Open a connection. Raises InvalidInput if a file of the database is a link."""
        for ending in ENDINGS:
            refuse_link(self._file(ending))
        return sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={self._mode}",
            uri=True,
            timeout=self._timeout_seconds,
            check_same_thread=False,
        )

    def identify(self) -> Identities:
        """Return the identity of the files after a connection was opened.

        Raises OperationalError if they are not those of the first connection.
        """
        found = {ending: identity for ending in ENDINGS if (identity := self._identity(ending))}
        self._first = self._first or found.get("")
        if found.get("") != self._first:
            raise replaced(f"{self.path} is not the file that was opened")
        return found

    def check(self, opened: Identities) -> None:
        """Raise OperationalError if a file is gone, is another one, or is empty.

        The write-ahead log exists as long as a connection is open, so its loss is one too.
        """
        for ending, identity in opened.items():
            status = self._status(ending)
            if status is None or (status.st_dev, status.st_ino) != identity:
                raise replaced(f"{self._file(ending)} was removed or replaced")
            if not ending and not status.st_size:
                raise replaced(f"{self.path} was truncated")

    def _file(self, ending: str) -> Path:
        return Path(f"{self.path}{ending}")

    def _identity(self, ending: str) -> tuple[int, int] | None:
        status = self._status(ending)
        return None if status is None else (status.st_dev, status.st_ino)

    def _status(self, ending: str) -> os.stat_result | None:
        """Return the status of a file; every transaction asks, and pathlib would be slow."""
        try:
            return os.stat(f"{self._text}{ending}")  # noqa: PTH116
        except OSError:
            return None


def problem_of(path: Path) -> str | None:
    """Return the first problem that SQLite's quick check finds in a file, None if it finds none.

    It takes about two seconds per GiB. A larger file is checked without the tables of models and
    points, which take nearly all the space.
    """
    whole = path.stat().st_size <= MAX_BYTES_CHECKED
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as connection:
        try:
            parts = [""] if whole else [f"'{name}'" for (name,) in connection.execute(_SMALL)]
            for part in parts:
                (first,) = connection.execute(f"PRAGMA quick_check({part or 1})").fetchone()
                if first != "ok":
                    return " ".join(str(first).split())
        except sqlite3.Error as error:
            return f"{error}" if is_damaged(error) else None
    return None


MAX_BYTES_CHECKED = 1 << 30
_SMALL = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '% BLOB%'"

"""A file that is sent: opened when it is its turn, and as long as it was at the beginning."""

import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self


class UploadFile:
    """A file as httpx reads it.

    Thousands of files can be sent in one request, as each is open only while it is read. Bytes that
    are appended later are left out, because the length of the request is sent first.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._size = path, path.stat().st_size
        self._file: BinaryIO | None = None
        self._at = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to an offset from the beginning or the end."""
        self.close()
        self._at = offset + (self._size if whence == os.SEEK_END else 0)
        return self._at

    def tell(self) -> int:
        """Return the offset."""
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes. Raises OSError if the file has become shorter."""
        left = self._size - self._at
        if self._file is None and left:
            self._file = self._path.open("rb")
            self._file.seek(self._at)
        data = self._file.read(left if size < 0 else min(size, left)) if self._file else b""
        if not data:
            self.close()
            if left and size:
                raise OSError(0, "it became shorter while it was read", str(self._path))
        self._at += len(data)
        return data

    def close(self) -> None:
        """Close the file until it is read again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

"""A file to read: its name below the folder it came with, and its content."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from backend import work_budget
from backend.log_formats.history import Unreadable
from backend.log_formats.limits import MEBIBYTE, LogLimits, log_limits

HEAD_BYTES = 1 << 16  # enough to recognise a format
MAX_FILES = 20_000  # of a folder
STANDARD_INPUT = "-"
NOT_TEXT = "it is neither text nor a TensorBoard event file, a Parquet table or an mlflow.db"


@dataclass(frozen=True)
class LogFile:
    """A file: `name` is its path below the folder, with slashes; `content` is in memory or on disk.

    `text` and `head` are read once.
    """

    name: str
    content: bytes | Path

    @property
    def path(self) -> PurePosixPath:
        """The name as a path."""
        return PurePosixPath(self.name)

    @property
    def size(self) -> int:
        """The size in bytes."""
        content = self.content
        return len(content) if isinstance(content, bytes) else content.stat().st_size

    @cached_property
    def head(self) -> bytes:
        """The first bytes."""
        if isinstance(self.content, bytes):
            return self.content[:HEAD_BYTES]
        with self.content.open("rb") as file:
            return file.read(HEAD_BYTES)

    def read(self, most: int, limit: str) -> bytes:
        """Return the content. Raises Unreadable beyond `most` bytes; `limit` names the setting."""
        self.check_size(most, limit)
        content = self.content
        return content if isinstance(content, bytes) else content.read_bytes()

    def check_size(self, most: int, limit: str) -> None:
        """Raise Unreadable beyond `most` bytes; `limit` names the setting."""
        if self.size > most:
            raise Unreadable(f"it is larger than {megabytes(most)}, which {limit} allows")

    @cached_property
    def text(self) -> str:
        """The content as text, with line feeds. Raises Unreadable."""
        limits = log_limits()
        if not is_text(self.head):
            raise Unreadable(NOT_TEXT)
        data = self.read(limits.max_log_file_bytes, "LAB_MAX_LOG_FILE_BYTES")
        if len(data) > (most := limits.max_log_text_bytes):
            raise Unreadable(
                f"it is text larger than {megabytes(most)}, which LAB_MAX_LOG_TEXT_BYTES allows"
            )
        return decoded(data)

    @cached_property
    def sample(self) -> str:
        """The first characters of the text, to recognise a format. Raises Unreadable."""
        return self.text[:HEAD_BYTES]


def is_text(head: bytes) -> bool:
    """Return whether the first bytes can be text."""
    return head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" not in head


def decoded(data: bytes) -> str:
    """Return bytes as text with line feeds; the carriage returns of progress bars stay.

    Raises Unreadable with the first line that is not UTF-8.
    """
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable(f"{NOT_TEXT}: line {line:,} is not UTF-8; save it as UTF-8") from error
    if "\0" in text:
        raise Unreadable(NOT_TEXT)
    return text.replace("\r\n", "\n") if "\n" in text else text.replace("\r", "\n")


def megabytes(size: int) -> str:
    """Return a size in words."""
    return f"{size / MEBIBYTE:,.3g} MB"


def files_at(path: str, limits: LogLimits) -> list[LogFile]:
    """Return the file at a path, those below a folder, or standard input (`-`).

    Raises Unreadable and OSError.
    """
    if path == STANDARD_INPUT:
        data = sys.stdin.buffer.read(limits.max_log_text_bytes + 1)
        return [LogFile(STANDARD_INPUT, data)]
    root = Path(path)
    if not root.is_dir():
        return [LogFile(root.name, _regular(root))]
    return list(_below(root))


def _regular(path: Path) -> Path | bytes:
    """Return the path of a file. A pipe is read, as its size is unknown."""
    if path.is_file() or not path.exists():
        path.stat()
        return path
    with path.open("rb") as pipe:
        return pipe.read(log_limits().max_log_text_bytes + 1)


def _below(root: Path) -> Iterator[LogFile]:
    """Yield the files below a folder in the order of their names. Raises Unreadable."""
    count = 0
    for path in sorted(root.rglob("*")):
        work_budget.check()
        if path.is_file():
            count += 1
            if count > MAX_FILES:
                raise Unreadable(f"it is a folder of more than {MAX_FILES:,} files; name one")
            yield LogFile(path.relative_to(root).as_posix(), path)

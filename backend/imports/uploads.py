"""Receive an upload: the files of a multipart/form-data body, streamed to disk, and its fields."""

import errno
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool

from backend.errors import InvalidInput, MalformedBody, TooLarge, Unavailable, UnsupportedMediaType
from backend.imports.names import TakenNames, inert_name
from backend.private_files import open_unlinked

FILE = "file"
"""The name of the parts that are files."""
PASTED = "pasted.txt"  # the name of a file part that has none
WRITE_BYTES = 1 << 20  # collected before each write to disk
MAX_FIELD_BYTES = 1 << 20  # of all fields together
MAX_FIELDS = 100  # with the parts of files that were not chosen
SHOWN_CHARACTERS = 60


@dataclass
class Upload:
    """The files of an upload below `folder`, by their names in it, and its other fields."""

    folder: Path
    files: list[str] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def roots(self) -> tuple[str, ...]:
        """The files and folders at the top, in the order of the upload."""
        return tuple(dict.fromkeys(name.split("/")[0] for name in self.files))


async def receive(
    content_type: str, chunks: AsyncIterator[bytes], folder: Path, *, max_files: int
) -> Upload:
    """Write the files of a body below a folder as they arrive; return their names and the fields.

    Raises UnsupportedMediaType, MalformedBody, InvalidInput, TooLarge, and Unavailable for a full
    disk.
    """
    upload = Upload(folder)
    parts = _Parts(upload, max_files)
    parser = MultipartParser(_boundary(content_type), parts.callbacks)  # type: ignore[arg-type]
    try:
        async for chunk in chunks:
            parser.write(chunk)
            if parts.waiting_bytes >= WRITE_BYTES:
                await run_in_threadpool(parts.flush)
    except FormParserError as error:
        raise MalformedBody(f"The body is not multipart/form-data: {error}.") from error
    await run_in_threadpool(parts.flush)
    if not parts.ended:
        raise MalformedBody("The body ends before its last boundary.")
    if not upload.files:
        raise InvalidInput(f"{FILE} is missing; accepted: one or more files.", FILE)
    return upload


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 1 <= len(boundary) <= 70:
        raise UnsupportedMediaType(
            f"The content type is {content_type[:80] or 'missing'}; accepted: multipart/form-data "
            "with a boundary."
        )
    return boundary


class _Parts:
    """The parts of a body, as the parser reports them."""

    def __init__(self, upload: Upload, max_files: int) -> None:
        self._upload, self._max_files = upload, max_files
        self._parts = 0
        self._names = TakenNames()
        self._header, self._value = b"", b""
        self._disposition = ""
        self._field: str | None = None  # the name of the field or None within a file
        self._text = bytearray()
        self._text_bytes = 0
        self._file: str | None = None
        self._waiting: list[tuple[str, bytes]] = []
        self.waiting_bytes = 0
        self.ended = False

    @property
    def callbacks(self) -> dict[str, object]:
        """The functions that the parser calls."""
        names = ("part_begin", "header_field", "header_value", "header_end", "headers_finished",
                 "part_data", "part_end", "end")  # fmt: skip
        return {f"on_{name}": getattr(self, f"on_{name}") for name in names}

    def on_part_begin(self) -> None:
        """Forget the part before. Raises TooLarge for more parts than files and fields."""
        self._parts += 1
        if self._parts > self._max_files + MAX_FIELDS:
            raise TooLarge(
                f"There are more than {self._max_files:,} files and {MAX_FIELDS} fields; accepted: "
                "at most as many (LAB_MAX_IMPORT_FILES)."
            )
        self._header, self._value, self._disposition = b"", b"", ""
        self._field = self._file = None

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        """Collect the name of a header."""
        self._header += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        """Collect the value of a header."""
        self._value += data[start:end]

    def on_header_end(self) -> None:
        """Keep the header that names the part."""
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value.decode("latin-1")
        self._header, self._value = b"", b""

    def on_headers_finished(self) -> None:
        """Begin a file or a field. Raises InvalidInput and TooLarge."""
        _, options = parse_options_header(self._disposition)
        name, file = _text(options.get(b"name", b"")), options.get(b"filename")
        if name != FILE:
            self._field = name
            self._text.clear()
        elif file is None or file:
            self._begin_file(_text(file) if file else PASTED)

    def _begin_file(self, written: str) -> None:
        if len(self._upload.files) >= self._max_files:
            raise TooLarge(
                f"There are more than {self._max_files:,} files; accepted: at most as many "
                "(LAB_MAX_IMPORT_FILES)."
            )
        self._file = self._names.take(inert_name(written))
        self._upload.files.append(self._file)
        self._waiting.append((self._file, b""))

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        """Collect bytes of a file or a field. Raises TooLarge."""
        if self._file is not None:
            self._waiting.append((self._file, data[start:end]))
            self.waiting_bytes += end - start
        elif self._field is not None:
            self._text += data[start:end]
            self._text_bytes += end - start
            if self._text_bytes > MAX_FIELD_BYTES:
                raise TooLarge(f"The fields are too large; accepted: {MAX_FIELD_BYTES:,} bytes.")

    def on_part_end(self) -> None:
        """Keep a field. Raises InvalidInput if it is not UTF-8 or given twice."""
        if self._field is None:
            return
        name = self._field[:SHOWN_CHARACTERS]
        if name in self._upload.fields:
            raise InvalidInput(f"{name} is given twice; accepted: once.", name)
        try:
            self._upload.fields[name] = self._text.decode()
        except UnicodeDecodeError as error:
            raise InvalidInput(f"{name} is not UTF-8; accepted: text in UTF-8.", name) from error

    def on_end(self) -> None:
        """Note that the body is whole."""
        self.ended = True

    def flush(self) -> None:
        """Write the collected bytes to the files. Raises Unavailable for a full disk."""
        waiting, self._waiting, self.waiting_bytes = self._waiting, [], 0
        by_file: dict[str, list[bytes]] = {}
        for name, data in waiting:
            by_file.setdefault(name, []).append(data)
        try:
            for name, pieces in by_file.items():
                path = self._upload.folder / name
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with open(path, "ab", opener=open_unlinked) as file:
                    file.writelines(pieces)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise Unavailable("The disk is full: the upload was not stored.") from error
            raise


def _text(encoded: bytes) -> str:
    """Return a name as browsers and programs encode it: UTF-8, quotes and line ends in percent."""
    text = encoded.decode("utf-8", errors="replace")
    for code, character in (("%22", '"'), ("%0D", "\r"), ("%0A", "\n")):
        text = text.replace(code, character)
    return text

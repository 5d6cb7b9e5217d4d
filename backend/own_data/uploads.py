"""Receive the bytes of a table as the body of a request, streamed to disk."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from starlette.concurrency import run_in_threadpool

from backend.datasets.column_files import COLUMN_FOLDER
from backend.private_files import open_unlinked

FILE = "file"
WRITE_BYTES = 1 << 20  # collected before each write to disk
PREFIX = "adding-"  # of the folders of uploads


@contextmanager
def upload_folder() -> Iterator[Path]:
    """Create a folder for one upload, on the disk of the column files, and remove it at the end."""
    parent = COLUMN_FOLDER.path()
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = Path(mkdtemp(dir=parent, prefix=PREFIX))
    try:
        yield folder
    finally:
        rmtree(folder, ignore_errors=True)


async def receive_raw(chunks: AsyncIterator[bytes], folder: Path) -> Path:
    """Write a body to a file in a folder as it arrives; return its path."""
    path = folder / FILE
    waiting = bytearray()
    with os.fdopen(open_unlinked(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
        async for chunk in chunks:
            waiting += chunk
            if len(waiting) >= WRITE_BYTES:
                await run_in_threadpool(file.write, bytes(waiting))
                waiting.clear()
        await run_in_threadpool(file.write, bytes(waiting))
    return path

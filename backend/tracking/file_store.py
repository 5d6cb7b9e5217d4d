"""Files that clients upload, on disk under the SHA-256 of their content.

No name of a client becomes a path here, and equal files are stored once. A file is complete before
a row of the database names it; files that no row names are removed.
"""

import asyncio
import hashlib
import logging
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import NamedTemporaryFile

from starlette.concurrency import run_in_threadpool

from backend.store import UNREACHABLE, Database, bulk, logged_files
from backend.store.logged_files import Content

logger = logging.getLogger(__name__)

PART = ".part"  # ends the names of files that are being written
HASH_CHARACTERS = 64
WRITE_BYTES = 1 << 20  # collected before each write to disk
SPARED_SECONDS = 24 * 3600  # the row of a new content may not be committed yet
SWEEP_SECONDS = 6 * 3600


class FileStore:
    """The folder of the files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, sha256: str) -> Path:
        """Return where the content with a hash is, or would be."""
        return self._folder / sha256[:2] / sha256

    async def write(self, chunks: AsyncIterator[bytes]) -> Content:
        """Write a file as it arrives, without holding it in memory; return its hash and size.

        Nothing remains of a file whose upload breaks off.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=self._folder, suffix=PART, delete=False) as file:
            part = Path(file.name)
            try:
                upload = _Upload(file.fileno())
                async for chunk in chunks:
                    if upload.add(chunk):
                        await run_in_threadpool(upload.flush)
                content = await run_in_threadpool(upload.finish)
                await run_in_threadpool(self._keep, part, content.sha256)
            finally:
                part.unlink(missing_ok=True)
        return content

    def _keep(self, part: Path, sha256: str) -> None:
        target = self.path(sha256)
        target.parent.mkdir(exist_ok=True)
        part.replace(target)

    def remove(self, sha256: str) -> None:
        """Remove a content that no row names any more."""
        self.path(sha256).unlink(missing_ok=True)

    def old_hashes(self) -> list[str]:
        """Return the hashes of the contents that were not uploaded just now."""
        before = time.time() - SPARED_SECONDS
        return [
            path.name
            for path in self._folder.glob("??/*")
            if len(path.name) == HASH_CHARACTERS and path.stat().st_mtime < before
        ]


async def remove_unused_files(database: Database, store: FileStore) -> None:
    """Remove the contents of deleted files from time to time, until cancelled."""
    while True:
        try:
            await asyncio.to_thread(remove_unused, database, store)
        except (OSError, *UNREACHABLE) as error:
            logger.error("unused files could not be removed; retrying later: %s", error)
        await asyncio.sleep(SWEEP_SECONDS)


def remove_unused(database: Database, store: FileStore) -> None:
    """Remove old contents that no row names."""
    for hashes in bulk.chunks(store.old_hashes()):
        with database.read() as session:
            used = logged_files.used(session, hashes)
        for sha256 in set(hashes) - used:
            store.remove(sha256)


class _Upload:
    """Bytes on their way to a file: collected, hashed and counted."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting = bytearray()
        self._hash = hashlib.sha256()
        self._size = 0

    def add(self, chunk: bytes) -> bool:
        """Collect bytes; return whether it is time to write them."""
        self._waiting += chunk
        return len(self._waiting) >= WRITE_BYTES

    def flush(self) -> None:
        """Write the collected bytes."""
        self._hash.update(self._waiting)
        self._size += len(self._waiting)
        rest = memoryview(bytes(self._waiting))
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._waiting.clear()

    def finish(self) -> Content:
        """Write the rest, wait until all is on disk, and return the hash and size."""
        self.flush()
        os.fsync(self._descriptor)
        return Content(self._hash.hexdigest(), self._size)

"""Run the reading of a file in a process of its own, with limits on memory and time.

A file can be made to need any amount of memory when it is unpacked. It takes its process down, and
not the web process.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from backend import work_budget
from backend.errors import Unavailable
from backend.own_data.errors import RefusedTable
from backend.own_data.limits import PARSE_MEMORY_BYTES, PARSE_SECONDS
from backend.reading_environment import reading_environment

NICENESS = 5  # pages come first
WAIT_SECONDS = 30.0  # for files of others, which are read one at a time because of their memory
POLL_SECONDS = 0.1  # between two looks whether the client is still there
TOO_LARGE = (
    f"The file takes more than {PARSE_MEMORY_BYTES >> 30} GiB of memory to read; accepted: fewer "
    "or shorter values."
)


class Turn:
    """The turn to read a file. Requests wait for it in the event loop, without a thread."""

    def __init__(self) -> None:
        self._place = asyncio.Semaphore()

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Hold the turn. Raises Unavailable if other files take long."""
        try:
            await asyncio.wait_for(self._place.acquire(), WAIT_SECONDS)
        except TimeoutError:
            raise Unavailable("Other files are being read; try again later.") from None
        try:
            yield
        finally:
            self._place.release()


def run(work: str, **request: Any) -> dict[str, Any]:
    """Do a piece of work of `backend.own_data.describe`. Raises RefusedTable and ClientLeft."""
    with subprocess.Popen(
        [sys.executable, "-m", "backend.own_data.describe"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=reading_environment(),
    ) as process:
        try:
            output, errors = _wait(process, json.dumps({"work": work, **request}).encode())
        finally:
            process.kill()  # unless it has ended
    if process.returncode:
        raise RefusedTable(_reason(errors))
    result: dict[str, Any] = json.loads(output)
    if "refused" in result:
        raise RefusedTable(result["refused"])
    return result


def _wait(process: subprocess.Popen[bytes], request: bytes) -> tuple[bytes, bytes]:
    """Return the output of a process. Raises RefusedTable after PARSE_SECONDS, and ClientLeft."""
    deadline = time.monotonic() + PARSE_SECONDS
    budget = work_budget.current()
    while True:
        try:
            return process.communicate(request, timeout=POLL_SECONDS)
        except subprocess.TimeoutExpired:
            request = b""  # the rest of it is sent by the next call
            if budget is not None:
                budget.check_client()
        if time.monotonic() > deadline:
            raise RefusedTable(
                f"The file takes more than {PARSE_SECONDS} s to read; accepted: fewer rows or "
                "columns."
            )


def _reason(output: bytes) -> str:
    """Return the sentence about a process that has died: most often its memory ran out."""
    lines = output.decode("utf-8", errors="replace").strip().splitlines()
    words = " ".join(lines[-20:]).lower()
    if not lines or "memory" in words or "alloc" in words or "capacity overflow" in words:
        return TOO_LARGE
    reason = lines[-1][:200].rstrip(".")
    return f"The file cannot be read: {reason}; accepted: a file that is whole."


def limit_this_process() -> None:
    """Set the limits of a process that reads a file. It ends if it exceeds them."""
    resource.setrlimit(resource.RLIMIT_DATA, (PARSE_MEMORY_BYTES, PARSE_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (PARSE_SECONDS, PARSE_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICENESS)

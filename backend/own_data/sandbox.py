"""Run the reading of a file in a process of its own, with limits on memory and time.

A file can be made to need any amount of memory when it is unpacked. It takes its process down, and
not the web process.
"""

import json
import os
import resource
import subprocess
import sys
import threading
from typing import Any

from backend.errors import Unavailable
from backend.own_data.errors import RefusedTable
from backend.own_data.limits import PARSE_MEMORY_BYTES, PARSE_SECONDS

THREADS = "2"  # of polars; each takes memory
NICENESS = 5  # pages come first
WAIT_SECONDS = 300  # for files of others, which are read one at a time because of their memory
TOO_LARGE = (
    f"The file takes more than {PARSE_MEMORY_BYTES >> 30} GiB of memory to read; accepted: fewer "
    "or shorter values."
)


_turn = threading.Lock()


def run(work: str, **request: Any) -> dict[str, Any]:
    """Do a piece of work of `backend.own_data.describe`. Raises RefusedTable and Unavailable."""
    if not _turn.acquire(timeout=WAIT_SECONDS):
        raise Unavailable("Other files are being read; try again later.")
    try:
        return _run({"work": work, **request})
    finally:
        _turn.release()


def _run(request: dict[str, Any]) -> dict[str, Any]:
    environment = {
        **os.environ,
        "POLARS_MAX_THREADS": THREADS,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    try:
        process = subprocess.run(
            [sys.executable, "-m", "backend.own_data.describe"],
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=PARSE_SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RefusedTable(
            f"The file takes more than {PARSE_SECONDS} s to read; accepted: fewer rows or columns."
        ) from None
    if process.returncode:
        raise RefusedTable(_reason(process.stderr))
    result: dict[str, Any] = json.loads(process.stdout)
    if "refused" in result:
        raise RefusedTable(result["refused"])
    return result


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

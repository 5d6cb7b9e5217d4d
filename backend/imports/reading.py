"""Read an upload in a process of its own, which is killed if it takes too much time or memory."""

import asyncio
import os
import signal
import sys
from dataclasses import dataclass, fields
from pathlib import Path

import msgspec
from starlette.concurrency import run_in_threadpool

from backend import work_budget
from backend.errors import InvalidInput, TooExpensive, Unavailable
from backend.imports.found_runs import FoundRun
from backend.imports.packed_runs import decode
from backend.imports.reading_process import RESULT, ReadRequest
from backend.limits import Limits
from backend.log_formats.limits import LogLimits
from backend.reading_environment import reading_environment

MAX_AT_ONCE = 2  # imports that are read, per web process; the others wait
MAX_WAIT_SECONDS = 30.0
POLL_SECONDS = 0.05  # between two looks at the process
IDLE_FACTOR = 4  # wall-clock seconds for each second of processor time, on a busy machine
STATM = "/proc/{}/statm"  # of Linux; elsewhere only the limit within the process holds
LIMITS_OF_LOGS = tuple(limit.name for limit in fields(LogLimits))


@dataclass(frozen=True)
class _Ended:
    """The end of a reading process: its exit status, or the limit that it exceeded."""

    status: int = 0
    too_long: bool = False
    too_large: bool = False


class LogReader:
    """Reads the logs in uploaded files, a few uploads at a time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._places = asyncio.Semaphore(MAX_AT_ONCE)

    async def read(self, folder: Path, request: ReadRequest) -> list[FoundRun]:
        """Return the runs in the files of an upload.

        Raises InvalidInput with the sentence of the reader, TooExpensive, Unavailable if other
        imports are being read for long, and ClientLeft.
        """
        try:
            await asyncio.wait_for(self._places.acquire(), MAX_WAIT_SECONDS)
        except TimeoutError:
            raise Unavailable(
                f"{MAX_AT_ONCE} other imports have been read for {MAX_WAIT_SECONDS:g} s; "
                "try again later."
            ) from None
        try:
            ended = await self._run(folder, request)
        finally:
            self._places.release()
        self._check(ended)
        return await run_in_threadpool(_result, folder)

    async def _run(self, folder: Path, request: ReadRequest) -> _Ended:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"{__package__}.reading_process", str(folder),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
            env=self._environment(),
        )  # fmt: skip
        try:
            if process.stdin is not None:
                process.stdin.write(msgspec.json.encode(request))
                process.stdin.close()
            return await self._ended(process, request.max_memory_bytes)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def _ended(self, process: asyncio.subprocess.Process, most: int) -> _Ended:
        """Wait for the end of the process, or for the first limit that it exceeds."""
        loop, end = asyncio.get_running_loop(), asyncio.ensure_future(process.wait())
        deadline = loop.time() + IDLE_FACTOR * self._limits.import_seconds
        while True:
            done, _ = await asyncio.wait({end}, timeout=POLL_SECONDS)
            if done:
                return _Ended(end.result())
            budget = work_budget.current()
            if budget is not None:
                budget.check_client()
            if loop.time() > deadline:
                return _Ended(too_long=True)
            if _resident_bytes(process.pid) > most:
                return _Ended(too_large=True)

    def _environment(self) -> dict[str, str]:
        limits = {
            f"LAB_{name.upper()}": str(getattr(self._limits, name)) for name in LIMITS_OF_LOGS
        }
        return reading_environment() | limits

    def _check(self, ended: _Ended) -> None:
        """Raise TooExpensive if the process was ended, by this one or by the system."""
        if ended.too_long or ended.status == -signal.SIGXCPU:
            raise TooExpensive(
                f"Reading the files takes more than {self._limits.import_seconds:g} s; accepted: "
                "smaller or fewer files (LAB_IMPORT_SECONDS)."
            )
        if ended.too_large or ended.status:
            raise TooExpensive(
                f"Reading the files takes more than {self._limits.import_memory_bytes:,} bytes of "
                "memory; accepted: smaller or fewer files (LAB_IMPORT_MEMORY_BYTES)."
            )


def _result(folder: Path) -> list[FoundRun]:
    """Return the runs that the process has found. Raises InvalidInput with its sentence."""
    reading = decode((folder / RESULT).read_bytes())
    if reading.refusal:
        raise InvalidInput(reading.refusal, "file")
    return list(reading.runs)


def _resident_bytes(pid: int) -> int:
    """Return the memory of a process, 0 where the system does not say."""
    try:
        pages = Path(STATM.format(pid)).read_text().split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")

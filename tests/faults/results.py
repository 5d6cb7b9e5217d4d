"""Results of the fault suite: one row per fault and database in the table of the page."""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench.docs_section import replace_section, section

TITLE = "faults"
HEAD = (
    "| fault | database | times | hit at work | runs | epochs compared | examined | tried again "
    "| recovered after (median, worst) | date | load |"
)


@dataclass
class FaultResults:
    """Counts of one fault on one database.

    `recoveries` are the seconds from each fault until work continued. `hits` counts the faults that
    hit their target while it was working, `retried` the runs that failed only because of the faults
    and were retried, and `examined` how often `lab doctor` read the whole database and found
    nothing wrong.
    """

    fault: str
    engine: str
    injections: int = 0
    hits: int = 0
    runs: int = 0
    epochs: int = 0
    retried: int = 0
    examined: int = 0
    recoveries: list[float] = field(default_factory=list)

    def row(self) -> str:
        """Return the counts as a row of the table, with today's date and the machine's load."""
        recovered = "none"
        if self.recoveries:
            recovered = f"{median(self.recoveries):.1f} s, {max(self.recoveries):.1f} s"
        counts = self.injections, self.hits, self.runs, self.epochs, self.examined, self.retried
        measured = f"{datetime.now(UTC):%Y-%m-%d}", f"{os.getloadavg()[1]:.0f}"
        cells = self.fault, self.engine, *(f"{count:,}" for count in counts), recovered, *measured
        return f"| {' | '.join(cells)} |"


def write_row(page: Path, new: FaultResults) -> None:
    """Write results into the table, in place of an earlier row of this fault and database."""
    rule = "|".join(["", *["---"] * (HEAD.count("|") - 1), ""])
    rows = [line for line in section(TITLE, page).splitlines() if line.startswith("| ")][1:]
    rows_by_key = {_row_key(row): row for row in (*rows, new.row())}
    replace_section(TITLE, "\n".join([HEAD, rule, *rows_by_key.values()]), page)


def _row_key(row: str) -> tuple[str, ...]:
    return tuple(row.split(" | ")[:2])

"""What the faults did, counted: one row for each kind of fault and database in the page's table."""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench.document import replace_section, section

TITLE = "faults"
HEAD = (
    "| fault | database | times | hit at work | runs | epochs compared | examined | tried again "
    "| recovered after (median, worst) | date | load |"
)


@dataclass
class Figures:
    """Faults of one kind on one database, and what was found true after them.

    `recoveries` are seconds from a fault until work went on. `caught` counts the faults that hit
    what they were meant to hit at work, `retried` the runs that ended as failed by the faults
    alone and were tried again, `examined` how often `lab doctor`
    read the whole database and found nothing wrong.
    """

    kind: str
    engine: str
    faults: int = 0
    caught: int = 0
    runs: int = 0
    epochs: int = 0
    retried: int = 0
    examined: int = 0
    recoveries: list[float] = field(default_factory=list)

    def row(self) -> str:
        """Return the figures as a row of the table, with today's date and the machine's load."""
        recovered = "none"
        if self.recoveries:
            recovered = f"{median(self.recoveries):.1f} s, {max(self.recoveries):.1f} s"
        counts = self.faults, self.caught, self.runs, self.epochs, self.examined, self.retried
        measured = f"{datetime.now(UTC):%Y-%m-%d}", f"{os.getloadavg()[1]:.0f}"
        cells = self.kind, self.engine, *(f"{count:,}" for count in counts), recovered, *measured
        return f"| {' | '.join(cells)} |"


def record(page: Path, new: Figures) -> None:
    """Put figures into the page's table, in place of earlier ones of that kind and database."""
    rule = "|".join(["", *["---"] * (HEAD.count("|") - 1), ""])
    rows = [line for line in section(TITLE, page).splitlines() if line.startswith("| ")][1:]
    known = {_place(row): row for row in (*rows, new.row())}
    replace_section(TITLE, "\n".join([HEAD, rule, *known.values()]), page)


def _place(row: str) -> tuple[str, ...]:
    return tuple(row.split(" | ")[:2])

"""What the faults did, counted: one record for each kind of fault and database."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median


@dataclass
class Figures:
    """Faults of one kind on one database, and what was found true after them.

    `recoveries` are seconds from a fault until work went on. `caught` counts the faults that hit
    what they were meant to hit at work, `retried` the runs that ended as failed and were tried
    again, as three workers in a row had died before an epoch, `examined` how often `lab doctor`
    read the whole database and found nothing wrong.
    """

    kind: str
    engine: str
    seed: int = 0
    faults: int = 0
    caught: int = 0
    runs: int = 0
    epochs: int = 0
    retried: int = 0
    examined: int = 0
    recoveries: list[float] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def recovered(self, seconds: float) -> None:
        self.recoveries.append(round(seconds, 2))

    @property
    def median(self) -> float | None:
        return median(self.recoveries) if self.recoveries else None

    @property
    def worst(self) -> float | None:
        return max(self.recoveries, default=None)


def load(path: Path) -> list[Figures]:
    """Return what earlier runs of the suite found."""
    return [Figures(**one) for one in json.loads(path.read_text())] if path.exists() else []


def save(path: Path, new: Sequence[Figures]) -> None:
    """Store figures, in place of earlier ones of the same kind and database."""
    known = {(one.kind, one.engine): one for one in (*load(path), *new)}
    rows = [asdict(one) for _, one in sorted(known.items())]
    path.write_text(json.dumps(rows, indent=1) + "\n")

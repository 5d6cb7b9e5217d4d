"""What pages say of remedies: which can be tried, what was tried, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from backend import comparisons, remedies
from backend.analysis.comparison import Comparison, in_words
from backend.analysis.grid.cells import SEED
from backend.analysis.remedies import Remedy
from backend.comparisons import At
from backend.store import experiments
from backend.store.tables import Experiment, Run
from backend.views import ExperimentItem, experiment_items
from frontend import words

MAX_CELLS = 50


@dataclass(frozen=True)
class Offer:
    """The remedies for one cell; `cells` are the others that could be chosen, by a run of each."""

    experiment_id: int
    run_id: int
    verdict: str
    proposed: Sequence[Remedy]
    others: Sequence[Remedy]
    cells: dict[int, str]
    seeds: int = remedies.DEFAULT_SEEDS


@dataclass(frozen=True)
class Compared:
    """The comparison of an experiment's variants, as the page shows it."""

    comparison: Comparison
    at: At
    sentence: str
    accuracy: bool
    abouts: dict[str, str]

    @property
    def ended(self) -> int:
        """How many runs count so far: with each, the chart is drawn anew."""
        everyone = (self.comparison.baseline, *self.comparison.effects)
        return sum(each.ended for one in everyone for each in one.arm.outcomes)


def offer(rows: Sequence[Run], varying: Sequence[str], run_id: int | None) -> Offer | None:
    """Return the remedies for the cell of a run, else for what most needs one."""
    found = remedies.cells(rows)
    if not found:
        return None
    asked = [cell for cell in found if any(run.id == run_id for run in cell.runs)]
    cells = {cell.runs[0].id: _named(cell, varying) for cell in found[:MAX_CELLS]}
    return _offer((asked or found)[0], cells)


def offer_for(session: Session, parent: Experiment, run: Run) -> Offer | None:
    """Return the remedies for a run's own cell."""
    cell = remedies.cell_of(session, parent, run)
    return _offer(cell, {}) if cell.verdict else None


def tried(session: Session, parent_id: int, offered: Offer | None = None) -> list[ExperimentItem]:
    """Return the experiments that followed one, or one cell of it."""
    ids = [offered.run_id] if offered else None
    return experiment_items(session, experiments.follow_ups(session, parent_id, run_ids=ids))


def compared(session: Session, experiment: Experiment, at: At) -> Compared | None:
    """Return the comparison of an experiment's variants, if it has any."""
    found = comparisons.comparison(session, experiment.id, at=at)
    if found is None:
        return None
    everyone = (found.baseline, *found.effects)
    return Compared(
        comparison=found,
        at=at,
        sentence=_capital(in_words(found)),
        accuracy=any("test_accuracy" in each.means for each in everyone),
        abouts={one["name"]: one.get("about", "") for one in experiment.spec["variants"]},
    )


def _offer(cell: remedies.Cell, cells: dict[int, str]) -> Offer:
    first = cell.runs[0]
    others = [each for each in cell.applicable if each not in cell.proposed]
    return Offer(first.experiment_id, first.id, str(cell.verdict), cell.proposed, others, cells)


def _named(cell: remedies.Cell, varying: Sequence[str]) -> str:
    params: dict[str, Any] = {"variant": cell.runs[0].variant, **cell.runs[0].params}
    knobs = [path for path in varying if path != SEED and params.get(path) is not None]
    named = ", ".join(f"{words.knob(path)} {words.value(params[path])}" for path in knobs)
    return f"{named}: {cell.verdict}" if named else str(cell.verdict)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

"""Remedies: what to try for a diagnosed cell, and the follow-up experiment that tries it."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, count
from typing import Any

from sqlalchemy.orm import Session

from backend.analysis.cells import SEED, cell_key, group_by
from backend.diagnosis.majority_verdict import Majority, majority_verdict, severity
from backend.diagnosis.verdicts import OVER_CONFIDENT
from backend.errors import InvalidInput, NotFound
from backend.remedies.catalogue import CellContext, Remedy, applicable, propose
from backend.remedies.model_size import better_capacities
from backend.specification.expansion import non_default
from backend.specification.experiment import MAX_NAME_CHARACTERS
from backend.specification.hyperparameters import show
from backend.specification.placement import PLACEMENT_SETTINGS
from backend.specification.variants import Variant
from backend.store import experiments, runs
from backend.store.tables import Experiment, Run

AS_IT_IS = "as it is"
DEFAULT_SEEDS = 5
LOWEST = "best_validation_loss"  # among the evidence of a diagnosis


@dataclass(frozen=True)
class DiagnosedCell:
    """Runs of an experiment that differ only in their seed.

    `better_capacity` is the one that the experiment measured to be best beside it, if it did.
    """

    runs: Sequence[Run]
    better_capacity: int | None = None

    @cached_property
    def told(self) -> Majority | None:
        """What the diagnosis says of its runs that have ended, taken together."""
        return majority_verdict(run.verdict for run in self.runs)

    @property
    def verdict(self) -> str | None:
        """The verdict that prevails."""
        return self.told.verdict if self.told else None

    @property
    def rule(self) -> str | None:
        """The rule behind the verdict that prevails, if all runs that share this share that."""
        shared = [run for run in self.runs if run.verdict == self.verdict]
        found = {(run.diagnosis or {}).get("rule") for run in shared}
        return found.pop() if len(found) == 1 else None

    @property
    def over_confident(self) -> bool:
        """Whether of most of its runs the loss overfits and accuracy does not."""
        found = [(run.diagnosis or {}).get("findings") or [] for run in self.runs if run.verdict]
        told = sum(any(each["rule"] == OVER_CONFIDENT for each in one) for one in found)
        return 2 * told > len(found)

    @property
    def named(self) -> str | None:
        """What its remedies are for: the verdict, or that it is over-confident."""
        return OVER_CONFIDENT if self.over_confident else self.verdict

    @property
    def stops_early(self) -> bool:
        """Whether the early-stopping rule fired in all of its runs."""
        return all(run.early_stop_epoch is not None for run in self.runs)

    @property
    def rise(self) -> float:
        """The largest relative rise of validation loss since its best."""
        found = [(run.diagnosis or {}).get("evidence") or {} for run in self.runs]
        return max((each.get("rise_since_best") or 0.0 for each in found), default=0.0)

    @property
    def proposed(self) -> list[Remedy]:
        """The remedies for what it is, the most promising first."""
        return propose(self.named, self.runs[0].params, self._seen)

    @property
    def applicable(self) -> list[Remedy]:
        """Every remedy that would change something."""
        return applicable(self.runs[0].params, self._seen)

    @property
    def _seen(self) -> CellContext:
        return CellContext(self.stops_early, self.better_capacity)


def diagnosed_cells(rows: Sequence[Run]) -> list[DiagnosedCell]:
    """Return the diagnosed cells of an experiment's runs, what most needs a remedy first."""
    groups = group_by(rows, _cell_key)
    better = better_capacities((run.params, _lowest(run)) for run in rows)
    found = [DiagnosedCell(group, better(group[0].params)) for group in groups]
    found = [cell for cell in found if cell.verdict]
    return sorted(found, key=lambda cell: (-severity(str(cell.named)), -cell.rise))


def _lowest(run: Run) -> float | None:
    """Return the lowest validation loss of a run, as far as its diagnosis could be made."""
    return ((run.diagnosis or {}).get("evidence") or {}).get(LOWEST)


def informed(session: Session, cell: DiagnosedCell) -> DiagnosedCell:
    """Return a cell that knows of the capacities its experiment measured beside it."""
    first = cell.runs[0]
    better = better_capacities(runs.evidence(session, first.experiment_id, LOWEST))
    return replace(cell, better_capacity=better(first.params))


def cell_of(session: Session, parent: Experiment, run: Run) -> DiagnosedCell:
    """Return the cell of a run of `parent`."""
    seeds = parent.spec.get("training", {}).get("seeds", 1)
    amount = len(seeds) if isinstance(seeds, list) else seeds
    rows = runs.around(session, run, amount)  # seeds vary fastest: its cell is beside it
    return DiagnosedCell([row for row in rows if _cell_key(row) == _cell_key(run)])


def choose(
    session: Session, experiment_id: int, *, run: int | None, knobs: Mapping[str, Any] | None
) -> DiagnosedCell:
    """Return the cell of a run, or the one cell with these knobs, or what most needs a remedy.

    Raises NotFound and InvalidInput.
    """
    experiments.get(session, experiment_id)
    found = diagnosed_cells(runs.of_experiment(session, experiment_id))
    if run is not None:
        if runs.get(session, run).experiment_id != experiment_id:
            raise NotFound(f"Run {run} is not one of experiment {experiment_id}.")
        found = [cell for cell in found if any(row.id == run for row in cell.runs)]
    if knobs is not None:
        found = [cell for cell in found if knobs.items() <= cell.runs[0].params.items()]
    if not found:
        what = f"run {run}" if run is not None else "a cell" + f" with {show(knobs)}" * bool(knobs)
        raise NotFound(f"Experiment {experiment_id} has no diagnosis of {what} yet.")
    if knobs is not None and len(found) > 1:
        raise InvalidInput(
            f"cell is {show(knobs)}, which {len(found)} cells have; accepted: knobs of one cell.",
            "cell",
        )
    return found[0]


def selected(cell: DiagnosedCell, slugs: Sequence[str] | None) -> list[Remedy]:
    """Return the remedies asked for, or the proposed ones. Raises InvalidInput."""
    if slugs is None:
        if not cell.proposed:
            raise InvalidInput(
                f"Nothing is proposed for the verdict {cell.verdict}; accepted: a list of "
                f"remedies among {', '.join(each.slug for each in cell.applicable)}.",
                "remedies",
            )
        return cell.proposed
    possible = {remedy.slug: remedy for remedy in cell.applicable}
    for index, slug in enumerate(slugs):
        if slug not in possible or slug in slugs[:index]:
            where, names = f"remedies[{index}]", ", ".join(possible)
            detail = f"{where} is {show(slug)}; accepted: each once, {names}."
            raise InvalidInput(detail, where)
    return [possible[slug] for slug in slugs]


def follow_up(
    parent: Experiment,
    cell: DiagnosedCell,
    remedies: Sequence[Remedy],
    *,
    seeds: int = DEFAULT_SEEDS,
    taken: Collection[str] = (),
) -> dict[str, Any]:
    """Return the specification that trains a cell as it is and with each remedy.

    The cell's own seeds come first; all variants share them, and with them data and weights.
    `taken` are the names of the other follow-ups.
    """
    variants = [Variant(AS_IT_IS)]
    variants += [Variant(each.title, each.reason, each.changes) for each in remedies]
    written: dict[str, Any] = Variant("", None, non_default(cell.runs[0].params)).document()
    written["name"] = _unlike(taken, f"Remedies for {parent.name}")
    written.setdefault("training", {})["seeds"] = _seeds(cell, seeds)
    written |= {name: parent.spec[name] for name in PLACEMENT_SETTINGS if name in parent.spec}
    return {**written, "variants": [variant.document() for variant in variants]}


def twins(tried: Sequence[Experiment], document: Mapping[str, Any]) -> list[Experiment]:
    """Return those of some follow-ups that train the same as a specification, by any name."""
    nameless = {**document, "name": None}
    return [one for one in tried if {**one.spec, "name": None} == nameless]


def _unlike(taken: Collection[str], name: str) -> str:
    """Return a name, with a number behind it if it is taken."""
    ends = chain([""], (f" ({number})" for number in count(2)))
    names = (name[: MAX_NAME_CHARACTERS - len(end)] + end for end in ends)
    return next(each for each in names if each not in taken)


def _seeds(cell: DiagnosedCell, amount: int) -> list[int]:
    """Return so many seeds: the cell's, then the smallest others."""
    own = [run.params[SEED] for run in cell.runs][:amount]
    others = (seed for seed in range(len(own) + amount) if seed not in own)
    return own + [next(others) for _ in range(amount - len(own))]


def _cell_key(run: Run) -> Hashable:
    return cell_key(run.params, run.variant)

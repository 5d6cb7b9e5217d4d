"""Follow-ups: the cell of an experiment to cure, and the experiment that tries its remedies."""

from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, count
from typing import Any

from sqlalchemy.orm import Session

from backend.analysis.cells import SEED, cell_key, group_by
from backend.diagnosis.verdicts import (
    OVER_CONFIDENT,
    Majority,
    majority_verdict,
    median_severity,
    urgency,
)
from backend.errors import InvalidInput, NotFound
from backend.remedies.catalogue import CellContext, Remedy, applicable, propose
from backend.remedies.model_size import better_capacities
from backend.specification.expansion import non_default
from backend.specification.experiment import MAX_NAME_CHARACTERS
from backend.specification.hyperparameters import show
from backend.specification.params import JsonObject, Params
from backend.specification.placement import PLACEMENT_SETTINGS
from backend.specification.run_spec import RunSpec
from backend.specification.variants import Variant
from backend.store import experiments, runs
from backend.store.tables import Experiment, Run

BASELINE = "baseline"  # name of the variant that keeps the original settings
DEFAULT_SEEDS = 5
LOWEST_LOSS = "best_validation_loss"  # a key of a diagnosis's evidence


@dataclass(frozen=True)
class DiagnosedCell:
    """Runs of an experiment that differ only in their seed, with their diagnosis.

    `better_capacity` is the best capacity that the experiment measured near the cell, None if it is
    the cell's own.
    """

    runs: Sequence[Run]
    better_capacity: int | None = None

    @property
    def params(self) -> Params:
        """The hyperparameters of the first run."""
        return self.runs[0].params

    @cached_property
    def majority(self) -> Majority | None:
        """The verdict on the runs that have ended, taken together."""
        return majority_verdict(run.verdict for run in self.runs)

    @property
    def verdict(self) -> str | None:
        """The majority verdict."""
        return self.majority.verdict if self.majority else None

    @property
    def severity(self) -> str | None:
        """The median severity of the runs with the majority verdict."""
        return median_severity(run.severity for run in self.runs if run.verdict == self.verdict)

    @property
    def kind(self) -> str | None:
        """The kind of overfitting of most of the runs with the majority verdict."""
        kinds = Counter(run.kind for run in self.runs if run.verdict == self.verdict)
        return kinds.most_common(1)[0][0] if kinds else None

    @property
    def over_confident(self) -> bool:
        """Return whether loss overfits while accuracy does not, in most of the runs."""
        findings = [_diagnosed(run, "findings") or [] for run in self.runs if run.verdict]
        votes = sum(
            any(finding["rule"] == OVER_CONFIDENT for finding in of_run) for of_run in findings
        )
        return 2 * votes > len(findings)

    @property
    def condition(self) -> str | None:
        """The verdict to find remedies for, or the finding over-confident."""
        return OVER_CONFIDENT if self.over_confident else self.verdict

    @property
    def stops_early(self) -> bool:
        """Return whether the early-stopping rule fired in all of the runs."""
        return all(run.early_stop_epoch is not None for run in self.runs)

    @property
    def rise(self) -> float:
        """The largest relative rise of the validation loss since its best."""
        return max((_evidence(run, "rise_since_best") or 0.0 for run in self.runs), default=0.0)

    @property
    def proposed(self) -> list[Remedy]:
        """The remedies for the condition, the most promising first."""
        spec = RunSpec.from_params(self.params)
        return propose(self.condition, spec, self._context, kind=self.kind)

    @property
    def applicable(self) -> list[Remedy]:
        """Every remedy that would change something."""
        return applicable(RunSpec.from_params(self.params), self._context)

    @property
    def _context(self) -> CellContext:
        return CellContext(self.stops_early, self.better_capacity)


def _diagnosed(run: Run, key: str) -> Any:
    return (run.diagnosis or {}).get(key)


def _evidence(run: Run, name: str) -> float | None:
    value: float | None = (_diagnosed(run, "evidence") or {}).get(name)
    return value


def diagnosed_cells(rows: Sequence[Run]) -> list[DiagnosedCell]:
    """Return the cells with a verdict, ordered by their need of a remedy."""
    better = better_capacities((run.params, _evidence(run, LOWEST_LOSS)) for run in rows)
    cells = [DiagnosedCell(group, better(group[0].params)) for group in group_by(rows, _cell_key)]
    diagnosed = [cell for cell in cells if cell.verdict]
    return sorted(diagnosed, key=lambda cell: (-urgency(str(cell.condition)), -cell.rise))


def with_better_capacity(session: Session, cell: DiagnosedCell) -> DiagnosedCell:
    """Return a cell with the best capacity that its experiment measured near it."""
    experiment_id = cell.runs[0].experiment_id
    better = better_capacities(runs.evidence(session, experiment_id, LOWEST_LOSS))
    return replace(cell, better_capacity=better(cell.params))


def cell_of(session: Session, parent: Experiment, run: Run) -> DiagnosedCell:
    """Return the cell of a run of `parent`."""
    seeds = (parent.spec or {}).get("training", {}).get("seeds", 1)
    amount = len(seeds) if isinstance(seeds, list) else seeds
    rows = runs.around(session, run, amount)  # seeds vary fastest, so its cell is near it
    return DiagnosedCell([row for row in rows if _cell_key(row) == _cell_key(run)])


def choose(
    session: Session, experiment_id: int, *, run: int | None, setting: Params | None
) -> DiagnosedCell:
    """Return the cell of a run, the one cell with a setting, or the one in most need of a remedy.

    Raises NotFound and InvalidInput.
    """
    experiments.get(session, experiment_id)
    cells = diagnosed_cells(runs.of_experiment(session, experiment_id))
    if run is not None:
        if runs.get(session, run).experiment_id != experiment_id:
            raise NotFound(f"Run {run} is not one of experiment {experiment_id}.")
        cells = [cell for cell in cells if any(row.id == run for row in cell.runs)]
    if setting is not None:
        cells = [cell for cell in cells if setting.items() <= cell.params.items()]
    if not cells:
        with_setting = f" with {show(setting)}" if setting else ""
        subject = f"run {run}" if run is not None else f"a cell{with_setting}"
        raise NotFound(f"Experiment {experiment_id} has no diagnosis of {subject} yet.")
    if setting is not None and len(cells) > 1:
        raise InvalidInput(
            f"cell is {show(setting)}, which {len(cells)} cells have; accepted: settings of one "
            "cell.",
            "cell",
        )
    return cells[0]


def selected(cell: DiagnosedCell, slugs: Sequence[str] | None) -> list[Remedy]:
    """Return the requested remedies, or the proposed ones. Raises InvalidInput."""
    if slugs is None:
        if not cell.proposed:
            raise InvalidInput(
                f"Nothing is proposed for the verdict {cell.verdict}; accepted: a list of "
                f"remedies among {', '.join(remedy.slug for remedy in cell.applicable)}.",
                "remedies",
            )
        return cell.proposed
    possible = {remedy.slug: remedy for remedy in cell.applicable}
    for index, slug in enumerate(slugs):
        if slug not in possible or slug in slugs[:index]:
            field, names = f"remedies[{index}]", ", ".join(possible)
            raise InvalidInput(f"{field} is {show(slug)}; accepted: each once, {names}.", field)
    return [possible[slug] for slug in slugs]


def follow_up(
    parent: Experiment,
    cell: DiagnosedCell,
    remedies: Sequence[Remedy],
    *,
    seeds: int = DEFAULT_SEEDS,
    taken: Collection[str] = (),
) -> JsonObject:
    """Return the specification that trains a cell's baseline and each remedy.

    The cell's own seeds come first. All variants share the seeds, and with them data and weights.
    `taken` are the names of the other follow-ups.
    """
    variants = [Variant(BASELINE)]
    variants += [Variant(remedy.title, remedy.reason, remedy.changes) for remedy in remedies]
    document: JsonObject = Variant("", None, non_default(cell.params)).document()
    document["name"] = _free_name(taken, f"Remedies for {parent.name}")
    document.setdefault("training", {})["seeds"] = _seeds(cell, seeds)
    given = parent.spec or {}
    document |= {name: given[name] for name in PLACEMENT_SETTINGS if name in given}
    return {**document, "variants": [variant.document() for variant in variants]}


def twins(follow_ups: Sequence[Experiment], document: JsonObject) -> list[Experiment]:
    """Return the follow-ups that train the same as a specification, whatever their name."""
    nameless = {**document, "name": None}
    return [twin for twin in follow_ups if {**(twin.spec or {}), "name": None} == nameless]


def _free_name(taken: Collection[str], name: str) -> str:
    """Return a name, followed by a number if it is taken."""
    ends = chain([""], (f" ({number})" for number in count(2)))
    candidates = (name[: MAX_NAME_CHARACTERS - len(end)] + end for end in ends)
    return next(candidate for candidate in candidates if candidate not in taken)


def _seeds(cell: DiagnosedCell, amount: int) -> list[int]:
    """Return `amount` seeds: those of the cell, then the smallest others."""
    own = [run.params[SEED] for run in cell.runs][:amount]
    others = (seed for seed in range(len(own) + amount) if seed not in own)
    return own + [next(others) for _ in range(amount - len(own))]


def _cell_key(run: Run) -> Hashable:
    return cell_key(run.params, run.variant)

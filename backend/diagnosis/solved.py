"""Verdicts on models solved in one step, from the grid of their experiment.

Such a model has no course over epochs. It is compared with the best cell on the same data: by
validation loss, and by whether its train loss is above that of the best cell (it cannot follow the
pattern) or below (it follows the noise too). Losses are medians over the seeds of a cell, so all
runs of a cell get one verdict.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import median

from backend.diagnosis.diagnosis import Diagnosis
from backend.diagnosis.number_format import number
from backend.diagnosis.thresholds import (
    GAP_OF_SPAN,
    GAP_RATIO,
    INTERPOLATED,
    MODERATE_EXCESS,
    NEAR_BEST,
    NEAR_CHANCE,
    SEVERE_EXCESS,
)
from backend.diagnosis.verdicts import Kind, Severity, Verdict, title
from backend.series import generalisation_gap

MIN_CELLS = 2  # a single cell has no other to be compared with
CONFIDENT_SEEDS = 3  # with fewer seeds of a cell, the confidence is low


@dataclass(frozen=True)
class SolvedRun:
    """The losses of one run. Runs with the same `data` are compared, those of a `cell` together.

    `name` describes the cell among the others, such as "degree 3". `reference_loss` is the
    validation loss of a constant answer.
    """

    run_id: int
    data: Hashable
    cell: Hashable
    name: str
    train: float
    validation: float
    reference_loss: float | None = None


@dataclass(frozen=True)
class _Cell:
    runs: Sequence[SolvedRun]

    @property
    def name(self) -> str:
        return self.runs[0].name

    @property
    def train(self) -> float:
        return median(run.train for run in self.runs)

    @property
    def validation(self) -> float:
        return median(run.validation for run in self.runs)

    @property
    def reference(self) -> float | None:
        known = [run.reference_loss for run in self.runs if run.reference_loss is not None]
        return median(known) if known else None

    @property
    def near_chance(self) -> bool:
        """True if the cell is hardly better than a constant answer."""
        return self.reference is not None and self.train >= NEAR_CHANCE * self.reference

    @property
    def interpolates(self) -> bool:
        return self.train <= INTERPOLATED * self.validation


def diagnose_solved(runs: Iterable[SolvedRun]) -> dict[int, Diagnosis]:
    """Return the diagnosis of each run with finite losses, by run."""
    groups: Mapping[Hashable, dict[Hashable, list[SolvedRun]]] = defaultdict(dict)
    for run in runs:
        if isfinite(run.train) and isfinite(run.validation):
            groups[run.data].setdefault(run.cell, []).append(run)
    diagnoses: dict[int, Diagnosis] = {}
    for group in groups.values():
        cells = [_Cell(members) for members in group.values()]
        if len(cells) < MIN_CELLS:
            alone = _alone(cells[0])
            diagnoses |= {run.run_id: alone for run in cells[0].runs}
            continue
        best = min(cells, key=lambda cell: cell.validation)
        for cell in cells:
            diagnosis = _judged(cell, best)
            diagnoses |= {run.run_id: diagnosis for run in cell.runs}
    return diagnoses


def _judged(cell: _Cell, best: _Cell) -> Diagnosis:
    if cell.near_chance:
        return _underfits(cell, best)
    if cell.validation <= (1 + NEAR_BEST) * best.validation:
        return _interpolates(cell, best) if cell.interpolates else _good(cell, best)
    # What train loss adds is missed by the model; the rest is what it does not carry over.
    missed = cell.train - best.train
    if missed >= (cell.validation - best.validation) / 2:
        return _underfits(cell, best)
    return _overfits(cell, best)


def _alone(cell: _Cell) -> Diagnosis:
    """Judge the only cell on its data: by its gap, and by the loss of a constant answer."""
    if cell.near_chance:
        return _underfits(cell, None)
    far = cell.validation >= GAP_RATIO * cell.train
    if far and cell.reference and cell.validation - cell.train >= GAP_OF_SPAN * cell.reference:
        return _overfits(cell, None)
    return _good(cell, None)


def _losses(cell: _Cell) -> str:
    seeds = len(cell.runs)
    over = f", medians of {seeds} seeds" if seeds > 1 else ""
    return f"train loss {number(cell.train)}, validation loss {number(cell.validation)}{over}"


def _against(cell: _Cell, best: _Cell | None) -> str:
    if best is None:
        chance = number(cell.reference or 0.0)
        return f"always giving the same answer has {chance}, and no other model was tried"
    return (
        f"the best cell ({best.name}) has train loss {number(best.train)} and validation loss "
        f"{number(best.validation)}"
    )


def _place(cell: _Cell, best: _Cell | None) -> str:
    if best is None:
        return "no other model was tried on these data, so there is nothing to compare it with"
    return "the best cell of its grid" if cell is best else f"close to the best cell ({best.name})"


def _good(cell: _Cell, best: _Cell | None) -> Diagnosis:
    place = _place(cell, best)
    if best is None:
        return _diagnosis(
            cell, best, Verdict.GOOD_FIT, "good-fit.best-of-grid",
            f"{_losses(cell)}; {place}.",
            "The errors on training examples and on new ones lie close together. Try simpler and "
            "richer models to see whether one does better.",
        )  # fmt: skip
    return _diagnosis(
        cell, best, Verdict.GOOD_FIT, "good-fit.best-of-grid",
        f"{place}: {_losses(cell)}.",
        "No other model tried does better: this one follows the pattern and "
        "little of the noise.",
    )  # fmt: skip


def _interpolates(cell: _Cell, best: _Cell) -> Diagnosis:
    place = _place(cell, best)
    return _diagnosis(
        cell, best, Verdict.INTERPOLATES, "interpolates.best-of-grid",
        f"{place}, and it fits its training samples exactly: {_losses(cell)}.",
        "The model passes through all of its training examples and still answers new ones as well "
        "as any model tried here: among the many exact fits it has found a smooth one.",
    )  # fmt: skip


def _underfits(cell: _Cell, best: _Cell | None) -> Diagnosis:
    others = "" if best is None or best is cell else f" The best model here is {best.name}."
    return _diagnosis(
        cell, best, Verdict.UNDERFITTING, "underfitting.against-best-cell",
        f"{_losses(cell)}; {_against(cell, best)}. The model misses part of the pattern.",
        f"The model is too simple: even its own training examples are far off.{others}",
    )  # fmt: skip


def _overfits(cell: _Cell, best: _Cell | None) -> Diagnosis:
    least = cell.train if best is None else best.validation
    times = cell.validation / least if least > 0 else SEVERE_EXCESS + 1
    severity: Severity = (
        "severe" if times > SEVERE_EXCESS else "moderate" if times > MODERATE_EXCESS else "mild"
    )
    others = "" if best is None else f" The best model here is {best.name}."
    learner = (
        "The model is a little further off on new examples than it could be, though not on its "
        "training examples."
        if severity == "mild"
        else "The model follows its training examples, noise and all, so closely that it misses "
        "new ones."
    )
    return _diagnosis(
        cell, best, Verdict.OVERFITTING, Kind.GAP.facts.rule,
        f"a wide gap: {_losses(cell)}; {_against(cell, best)}.",
        f"{learner}{others}", Kind.GAP, severity,
    )  # fmt: skip


def _diagnosis(
    cell: _Cell,
    best: _Cell | None,
    verdict: Verdict,
    rule: str,
    sentence: str,
    learner: str,
    kind: Kind | None = None,
    severity: Severity | None = None,
) -> Diagnosis:
    seeds = len(cell.runs)
    return Diagnosis(
        verdict,
        rule,
        f"{title(verdict, severity).capitalize()}: {sentence}",
        learner,
        "low"
        if best is None or seeds < CONFIDENT_SEEDS
        else "high"
        if seeds >= 2 * CONFIDENT_SEEDS
        else "medium",
        best_step=1,
        evidence={
            "final_validation_loss": cell.validation,
            "final_train_loss": cell.train,
            "generalisation_gap": generalisation_gap(cell.train, cell.validation) or 0.0,
            "best_validation_loss": cell.validation,
            **_measured(best),
        },
        kind=kind,
        severity=severity,
    )


def _measured(best: _Cell | None) -> dict[str, float]:
    if best is None:
        return {}
    return {
        "validation_loss_of_best_cell": best.validation,
        "train_loss_of_best_cell": best.train,
    }

"""Runs and cells beside each other: which they are, and how their test losses differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from sqlalchemy.orm import Session

from backend.analysis.cells import SEED, cell_key, varying
from backend.analysis.comparison import LEAST_PAIRS, Difference, paired
from backend.analysis.intervals import Interval, interval
from backend.errors import InvalidInput
from backend.runs.items import run_items
from backend.runs.schemas import RunItem
from backend.series import generalisation_gap
from backend.store import runs
from backend.store.tables import Run

MOST = 20  # subjects: more lines nobody tells apart
JUDGED_BY = (
    "dataset.source", "dataset.n_features", "dataset.n_test", "dataset.input_noise",
    "dataset.target_noise", "training.loss",
)  # fmt: skip
"""What makes a test loss: the test part's data, which all seeds share, and the loss."""

Figure = str
FIGURES: dict[Figure, tuple[str, str]] = {
    "best_validation": ("val_loss", "min"),
    "test_at_best": ("test_loss", "at_best"),
    "train_at_end": ("train_loss", "last"),
    "validation_at_end": ("val_loss", "last"),
}


@dataclass(frozen=True)
class Subject:
    """One run, or the runs of one cell; `run_id` is the run that names it."""

    run_id: int
    runs: Sequence[RunItem]
    is_cell: bool

    @property
    def first(self) -> RunItem:
        """The run that names it; another of its cell if that is deleted."""
        return next((run for run in self.runs if run.id == self.run_id), self.runs[0])

    @property
    def title(self) -> str:
        """Its name beside others."""
        if not self.is_cell:
            return f"Run {self.run_id}"
        return f"Cell of run {self.run_id}"

    @property
    def params(self) -> dict[str, Any]:
        """Its params; a cell's without the seed."""
        params = {**self.first.params, "variant": self.first.variant}
        if self.is_cell:
            params.pop(SEED, None)
        return {path: value for path, value in params.items() if value is not None}

    @property
    def steps_an_epoch(self) -> int:
        """Optimiser steps in an epoch; 1 where a model is solved for at once."""
        params = self.first.params
        n_train = int(params["dataset.n_train"])
        return ceil(n_train / min(int(params.get("training.batch_size", n_train)), n_train))

    def figure(self, name: Figure) -> Interval | None:
        """Return a figure over its runs: the mean and, with two or more, its interval."""
        key, part = FIGURES[name]
        return interval(run.summary.get(key, {}).get(part) for run in self.runs)

    def gap(self) -> Interval | None:
        """Return the last validation loss less the last train loss."""
        return interval(map(_gap, self.runs))

    def by_seed(self, name: Figure) -> dict[int, float]:
        """Return a figure of its finished runs by seed."""
        key, part = FIGURES[name]
        found = {
            run.params[SEED]: run.summary.get(key, {}).get(part)
            for run in self.runs
            if run.status == "finished"
        }
        return {seed: float(value) for seed, value in found.items() if value is not None}


@dataclass(frozen=True)
class Against:
    """A subject's test loss at the best epoch less that of the first, or why it cannot be told."""

    difference: Difference | None
    reason: str = ""


def subjects(session: Session, run_ids: Sequence[int], cell_ids: Sequence[int]) -> list[Subject]:
    """Return runs, and the cells of some runs, in this order. Raises NotFound and InvalidInput."""
    run_ids, cell_ids = list(dict.fromkeys(run_ids)), list(dict.fromkeys(cell_ids))
    if len(run_ids) + len(cell_ids) > MOST:
        raise InvalidInput(
            f"{len(run_ids) + len(cell_ids)} runs are to be compared; accepted: up to {MOST}.",
            "runs",
        )
    alone = run_items(session, [runs.get(session, run_id) for run_id in run_ids])
    found = [Subject(run.id, [run], is_cell=False) for run in alone]
    siblings: dict[int, Sequence[Run]] = {}
    for run_id in cell_ids:
        row = runs.get(session, run_id)
        if row.experiment_id not in siblings:
            siblings[row.experiment_id] = runs.of_experiment(session, row.experiment_id)
        own = cell_key(row.params, row.variant)
        members = [
            sibling
            for sibling in siblings[row.experiment_id]
            if cell_key(sibling.params, sibling.variant) == own
        ]
        found.append(Subject(run_id, run_items(session, members or [row]), is_cell=True))
    return found


def differing(subjects: Sequence[Subject]) -> dict[str, list[Any]]:
    """Return the params in which subjects differ, with each one's value (None: has none)."""
    params = [subject.params for subject in subjects]
    paths = varying(params, missing_counts=True)
    return {path: [each.get(path) for each in params] for path in paths}


def against_first(found: Sequence[Subject]) -> list[Against]:
    """Return each further subject's difference to the first in test loss at the best epoch.

    Paired by seed, with Student's interval (`backend.analysis.comparison.paired`); the interval
    that is told allows for all comparisons together.
    """
    return [_against(one, found[0], len(found) - 1) for one in found[1:]]


def _against(one: Subject, first: Subject, comparisons: int) -> Against:
    for path in JUDGED_BY:
        if one.first.params.get(path) != first.first.params.get(path):
            return Against(None, f"another {path.rpartition('.')[2]}: not the same test loss")
    mine, theirs = one.by_seed("test_at_best"), first.by_seed("test_at_best")
    if not mine or not theirs:
        return Against(None, "no finished run with a test loss")
    shared = mine.keys() & theirs.keys()
    if not shared:
        return Against(None, "no seed in common")
    difference = paired(mine, theirs, comparisons)
    return Against(difference, "one seed in common" if len(shared) < LEAST_PAIRS else "")


def _gap(run: RunItem) -> float | None:
    train, validation = (
        run.summary.get(f"{part}_loss", {}).get("last") for part in ("train", "val")
    )
    return generalisation_gap(train, validation)

"""Side-by-side comparison of runs and cells: their settings, results and test losses."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

from sqlalchemy.orm import Session

from backend.analysis.cells import SEED, cell_key, varying
from backend.analysis.comparison import LEAST_PAIRS, PairedDifference, paired
from backend.analysis.intervals import Interval, interval
from backend.errors import InvalidInput
from backend.runs.items import run_items
from backend.runs.run_settings import settings_of
from backend.runs.schemas import RunItem
from backend.series import generalisation_gap
from backend.specification.hyperparameters import dataset, training
from backend.specification.params import ParamValue, as_number
from backend.store import runs
from backend.store.tables import Run

MAX_SUBJECTS = 20  # nobody can distinguish more lines in one chart
TEST_LOSS_SETTINGS = (
    dataset.SOURCE, dataset.N_FEATURES, dataset.N_TEST, dataset.INPUT_NOISE, dataset.TARGET_NOISE,
    training.LOSS,
)  # fmt: skip
"""The settings that define a test loss: the test data, which all seeds share, and the loss."""

Result = Literal[
    "best_validation", "test_at_best", "train_at_end", "validation_at_end",
    "validation_accuracy_at_best", "test_accuracy_at_best", "validation_accuracy_at_end",
]  # fmt: skip
RESULTS: dict[Result, tuple[str, str]] = {
    "best_validation": ("val_loss", "min"),
    "test_at_best": ("test_loss", "at_best"),
    "train_at_end": ("train_loss", "last"),
    "validation_at_end": ("val_loss", "last"),
    "validation_accuracy_at_best": ("val_accuracy", "at_best"),
    "test_accuracy_at_best": ("test_accuracy", "at_best"),
    "validation_accuracy_at_end": ("val_accuracy", "last"),
}
"""The metric and the field of its summary for each result of a run."""


@dataclass(frozen=True)
class Subject:
    """A run, or the runs of one cell, to be compared. `run_id` is the run that names it."""

    run_id: int
    runs: Sequence[RunItem]
    is_cell: bool

    @property
    def first(self) -> RunItem:
        """The run that names the subject, or another of its cell if that run is deleted."""
        return next((run for run in self.runs if run.id == self.run_id), self.runs[0])

    @property
    def title(self) -> str:
        """The name of the subject in tables and charts."""
        return f"Cell of run {self.run_id}" if self.is_cell else f"Run {self.run_id}"

    @property
    def params(self) -> dict[str, ParamValue]:
        """The hyperparameters and the variant; a cell has no seed."""
        params: dict[str, ParamValue] = {**self.first.settings, "variant": self.first.variant}
        if self.is_cell:
            params.pop(SEED, None)
        return {path: value for path, value in params.items() if value is not None}

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps per epoch; 1 for a closed-form solution, or if they are unknown."""
        params = self.first.params
        if self.first.is_external:
            return 1
        n_train = int(params[dataset.N_TRAIN.path])
        batch_size = int(params.get(training.BATCH_SIZE.path, n_train))
        return ceil(n_train / min(batch_size, n_train))

    def result(self, name: Result) -> Interval | None:
        """Return the mean of a result over the runs, with an interval for two or more runs."""
        return interval(_result(run, name) for run in self.runs)

    def gap(self) -> Interval | None:
        """Return the mean generalisation gap at the last epoch."""
        return interval(
            generalisation_gap(_result(run, "train_at_end"), _result(run, "validation_at_end"))
            for run in self.runs
        )

    def by_seed(self, name: Result) -> dict[int, float]:
        """Return a result of the finished runs by seed."""
        values = {
            run.settings.get(SEED, 0): _result(run, name)
            for run in self.runs
            if run.status == "finished"
        }
        return {int(as_number(seed)): x for seed, x in values.items() if x is not None}


def _result(run: RunItem, name: Result) -> float | None:
    key, field = RESULTS[name]
    value = run.summary.get(key, {}).get(field)
    return None if value is None else float(value)


@dataclass(frozen=True)
class LossDifference:
    """A subject's test loss at the best epoch minus that of the first, or why it is missing."""

    difference: PairedDifference | None
    reason: str = ""


def subjects(session: Session, run_ids: Sequence[int], cell_ids: Sequence[int]) -> list[Subject]:
    """Return runs, then the cells of other runs, in this order.

    Raises NotFound and InvalidInput.
    """
    run_ids, cell_ids = list(dict.fromkeys(run_ids)), list(dict.fromkeys(cell_ids))
    if (amount := len(run_ids) + len(cell_ids)) > MAX_SUBJECTS:
        raise InvalidInput(
            f"{amount} runs are to be compared; accepted: up to {MAX_SUBJECTS}.", "runs"
        )
    items = run_items(session, [runs.get(session, run_id) for run_id in run_ids])
    compared = [Subject(item.id, [item], is_cell=False) for item in items]
    siblings: dict[int, Sequence[Run]] = {}
    for run_id in cell_ids:
        row = runs.get(session, run_id)
        if row.experiment_id not in siblings:
            siblings[row.experiment_id] = runs.of_experiment(session, row.experiment_id)
        settings = settings_of(session, siblings[row.experiment_id])
        mine = settings.get(run_id) or settings_of(session, [row])[run_id]  # it may be deleted
        own = cell_key(mine.params, row.variant)
        members = [
            sibling
            for sibling in siblings[row.experiment_id]
            if cell_key(settings[sibling.id].params, sibling.variant) == own
        ]
        compared.append(Subject(run_id, run_items(session, members or [row]), is_cell=True))
    return compared


def differing(subjects: Sequence[Subject]) -> dict[str, list[ParamValue]]:
    """Return the settings in which subjects differ, with the value of each, None if missing."""
    params = [subject.params for subject in subjects]
    paths = varying(params, missing_counts=True)
    return {path: [values.get(path) for values in params] for path in paths}


def differences_to_first(subjects: Sequence[Subject]) -> list[LossDifference]:
    """Return the difference in test loss at the best epoch of each further subject to the first.

    Paired by seed, with Student's interval (`backend.analysis.comparison.paired`). The joint
    interval allows for all comparisons together.
    """
    first, *others = subjects
    return [_difference(other, first, len(others)) for other in others]


def _difference(other: Subject, first: Subject, comparisons: int) -> LossDifference:
    if other.first.is_external or first.first.is_external:
        return LossDifference(None, "external runs report no test loss")
    for setting in TEST_LOSS_SETTINGS:
        if other.first.params.get(setting.path) != first.first.params.get(setting.path):
            return LossDifference(None, f"another {setting.name}: test losses are not comparable")
    values, base = other.by_seed("test_at_best"), first.by_seed("test_at_best")
    if not values or not base:
        return LossDifference(None, "no finished run with a test loss")
    shared = values.keys() & base.keys()
    if not shared:
        return LossDifference(None, "no seed in common")
    reason = "one seed in common" if len(shared) < LEAST_PAIRS else ""
    return LossDifference(paired(values, base, comparisons), reason)

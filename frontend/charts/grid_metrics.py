"""Measures and verdicts that colour a grid of runs, and the ramp of colours."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, log
from statistics import fmean

from backend import work_budget
from backend.diagnosis.verdicts import majority_verdict
from backend.runs.schemas import RunItem
from backend.series import generalisation_gap
from frontend import formatting

LEVELS = 7  # steps of the colour ramp
LOG_RATIO = 30.0  # highest over lowest value from which colours follow the logarithm

KEYS = (
    "train_loss", "val_loss", "test_loss", "train_accuracy", "val_accuracy", "test_accuracy",
)  # fmt: skip
"""The metrics that measures need at the best epoch."""

AtBest = Mapping[str, float | None]


@dataclass(frozen=True)
class GridMeasure:
    """A measure of one run that can colour the grid."""

    slug: str
    title: str
    about: str
    of: Callable[[RunItem, AtBest], float | None]
    write: Callable[[float | None], str] = formatting.number


def _last(run: RunItem, key: str) -> float | None:
    value = run.summary.get(key, {}).get("last")
    return None if value is None else float(value)


def _gap(run: RunItem, _best: AtBest) -> float | None:
    return generalisation_gap(_last(run, "train_loss"), _last(run, "val_loss"))


def _cost(run: RunItem, best: AtBest) -> float | None:
    last, lowest = _last(run, "val_loss"), best.get("val_loss")
    return None if last is None or not lowest or lowest < 0 else (last - lowest) / lowest


def _epochs(value: float | None) -> str:
    return formatting.MISSING if value is None else f"{value:,.0f}"


MEASURES: dict[str, GridMeasure] = {
    measure.slug: measure
    for measure in (
        GridMeasure(
            "final", "validation loss at the end",
            "Validation loss at the last epoch: high where the model is too simple, and again "
            "where it overfits.", lambda run, _: _last(run, "val_loss"),
        ),
        GridMeasure(
            "gap", "generalisation gap",
            "Validation loss minus train loss at the last epoch. A small gap alone is not "
            "a merit: an underfitting model has one.", _gap,
        ),
        GridMeasure(
            "best", "best validation loss",
            "Lowest validation loss of the run.", lambda _, best: best.get("val_loss"),
        ),
        GridMeasure(
            "test", "test loss at best epoch",
            "Test loss at the epoch of the lowest validation loss.",
            lambda _, best: best.get("test_loss"),
        ),
        GridMeasure(
            "accuracy", "validation accuracy at best epoch",
            "Share of the validation samples that are given the right class, at the epoch of the "
            "lowest validation loss.", lambda _, best: best.get("val_accuracy"), formatting.share,
        ),
        GridMeasure(
            "last-accuracy", "validation accuracy at the end",
            "Share of the validation samples that are given the right class at the last epoch.",
            lambda run, _: _last(run, "val_accuracy"), formatting.share,
        ),
        GridMeasure(
            "test-accuracy", "test accuracy at best epoch",
            "Share of the test samples that are given the right class, at the epoch of the lowest "
            "validation loss.", lambda _, best: best.get("test_accuracy"), formatting.share,
        ),
        GridMeasure(
            "cost", "cost of not stopping",
            "How far validation loss ends above its lowest value.", _cost, formatting.above,
        ),
        GridMeasure(
            "stop", "early-stop epoch",
            "Epoch at which the early-stopping rule fires.",
            lambda run, _: run.early_stop_epoch, _epochs,
        ),
    )
}  # fmt: skip
VERDICT, USUAL = "verdict", "final"
CHOICES = {slug: measure.title for slug, measure in MEASURES.items()} | {VERDICT: "verdict"}
ABOUT = {slug: measure.about for slug, measure in MEASURES.items()} | {
    VERDICT: "The verdict of more than half of the cell's runs, or the worst verdict if no verdict "
    "has a majority."
}


def offered(runs: Sequence[RunItem]) -> dict[str, str]:
    """Return the choices for runs: those of accuracy only where there are classes."""
    classified = any("val_accuracy" in run.summary for run in runs)
    return {slug: t for slug, t in CHOICES.items() if classified or not slug.endswith("accuracy")}


@dataclass(frozen=True)
class Ramp:
    """Puts the values from `low` to `high` on the steps of the colour ramp."""

    low: float
    high: float

    @property
    def is_log(self) -> bool:
        """Return whether colours follow the logarithm."""
        return 0 < self.low * LOG_RATIO < self.high

    def share(self, value: float) -> float:
        """Return the position of a value between the ends, from 0 to 1."""
        low, high = self.low, self.high
        if self.is_log:
            value, low, high = log(value), log(low), log(high)
        return 0.0 if high == low else (value - low) / (high - low)

    def at(self, share: float) -> float:
        """Return the value at a share of the way from low to high."""
        if self.is_log:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + share * (self.high - self.low)

    def level(self, value: float) -> int:
        """Return the step of a value."""
        return min(LEVELS - 1, int(LEVELS * self.share(value)))


def value_of_cell(
    choice: str, runs: Sequence[RunItem], at_best: Mapping[int, AtBest]
) -> float | str | None:
    """Return the mean of a measure over runs, or the majority verdict; None without any.

    The losses of failed runs do not count, because their training is incomplete.
    """
    work_budget.check()
    if choice == VERDICT:
        majority = majority_verdict(run.verdict for run in runs)
        return majority.verdict if majority else None
    of = MEASURES[choice].of
    values = [of(run, at_best.get(run.id, {})) for run in runs if run.status != "failed"]
    finite = [value for value in values if value is not None and isfinite(value)]
    return fmean(finite) if finite else None


def write(choice: str, value: float | str | None) -> str:
    """Write the value that colours a cell."""
    if isinstance(value, str) or choice == VERDICT:
        return formatting.MISSING if value is None else str(value)
    return MEASURES[choice].write(value)


def ramp_of(values: Iterable[float | str | None]) -> Ramp | None:
    """Return the ramp over the values that are numbers, None without numbers."""
    numbers = [value for value in values if isinstance(value, int | float)]
    return Ramp(min(numbers), max(numbers)) if numbers else None


def style(value: float | str | None, ramp: Ramp | None) -> str:
    """Return the CSS class that colours a cell."""
    if isinstance(value, str):
        return formatting.tone(value)
    return "level-none" if value is None or ramp is None else f"level-{ramp.level(value)}"

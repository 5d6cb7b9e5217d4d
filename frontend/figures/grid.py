"""An experiment as a table: one knob down, one across, a chosen figure in each cell."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, log
from statistics import fmean
from typing import Any

from backend.views import RunItem
from frontend import words

CAPACITY = ("model.degree", "model.width", "model.depth")
VARIANT = "variant"  # of a specification with variants: a knob like the others
LEVELS = 7  # steps of the colour ramp
WIDE = 30.0  # ratio from which colours follow the logarithm

AtBest = Mapping[str, float | None]


@dataclass(frozen=True)
class Measure:
    """A figure of one run that can colour the grid."""

    slug: str
    title: str
    about: str
    of: Callable[[RunItem, AtBest], float | None]
    write: Callable[[float | None], str] = words.number


def _last(run: RunItem, key: str) -> float | None:
    value = run.summary.get(key, {}).get("last")
    return None if value is None else float(value)


def _gap(run: RunItem, _best: AtBest) -> float | None:
    train, validation = _last(run, "train_loss"), _last(run, "val_loss")
    return None if train is None or validation is None else validation - train


def _cost(run: RunItem, best: AtBest) -> float | None:
    last, lowest = _last(run, "val_loss"), best.get("val_loss")
    return None if last is None or not lowest or lowest < 0 else (last - lowest) / lowest


def _epochs(value: float | None) -> str:
    return words.MISSING if value is None else f"{value:,.0f}"


MEASURES: dict[str, Measure] = {
    measure.slug: measure
    for measure in (
        Measure(
            "gap", "generalisation gap",
            "Validation loss minus train loss at the last epoch.", _gap,
        ),
        Measure(
            "best", "best validation loss",
            "Lowest validation loss of the run.", lambda _, best: best.get("val_loss"),
        ),
        Measure(
            "test", "test loss at best epoch",
            "Test loss at the epoch of the lowest validation loss.",
            lambda _, best: best.get("test_loss"),
        ),
        Measure(
            "cost", "cost of not stopping",
            "How far validation loss ends above its lowest value.", _cost, words.percent,
        ),
        Measure(
            "stop", "early-stop epoch",
            "Epoch at which the early-stopping rule fires.",
            lambda run, _: run.early_stop_epoch, _epochs,
        ),
    )
}  # fmt: skip
VERDICT = "verdict"
CHOICES = {slug: measure.title for slug, measure in MEASURES.items()} | {VERDICT: "verdict"}
ABOUT = {slug: measure.about for slug, measure in MEASURES.items()} | {
    VERDICT: "What the diagnosis says of most runs of the cell."
}


@dataclass(frozen=True)
class Ramp:
    """Puts the values from `low` to `high` on the steps of the colour ramp."""

    low: float
    high: float

    @property
    def is_log(self) -> bool:
        """Whether colours follow the logarithm."""
        return 0 < self.low * WIDE < self.high

    def level(self, value: float) -> int:
        """Return the step of a value."""
        low, high = self.low, self.high
        if self.is_log:
            value, low, high = log(value), log(low), log(high)
        return 0 if high == low else min(LEVELS - 1, int(LEVELS * (value - low) / (high - low)))


@dataclass(frozen=True)
class Cell:
    """The runs that share a row and a column. `style` is the class that colours the cell."""

    runs: Sequence[RunItem]
    value: float | str | None
    text: str
    style: str

    @property
    def url(self) -> str:
        """Address of the cell's first run."""
        return self.runs[0].url

    @property
    def ended(self) -> int:
        """How many of the cell's runs train no more."""
        return sum(run.status in ("finished", "failed", "cancelled") for run in self.runs)


@dataclass(frozen=True)
class GridInfo:
    """The table. `row_knob` or `column_knob` is None when nothing varies that way."""

    choice: str
    varying: Mapping[str, Sequence[Any]]
    row_knob: str | None
    column_knob: str | None
    rows: Sequence[Any]
    columns: Sequence[Any]
    cells: Sequence[Sequence[Cell | None]]
    ramp: Ramp | None

    @property
    def averaged(self) -> Sequence[str]:
        """The knobs that vary within a cell."""
        return [path for path in self.varying if path not in (self.row_knob, self.column_knob)]

    @property
    def legend(self) -> Sequence[tuple[str, str]]:
        """Ends of the colour ramp in words, or the verdicts that are in the table."""
        if self.choice == VERDICT:
            texts = {str(cell.value): cell.style for row in self.cells for cell in row if cell}
            return [(style, text) for text, style in texts.items() if text != "None"]
        if self.ramp is None:
            return []
        write = MEASURES[self.choice].write
        middle = [(f"level-{level}", "") for level in range(1, LEVELS - 1)]
        return [
            ("level-0", write(self.ramp.low)),
            *middle,
            (f"level-{LEVELS - 1}", write(self.ramp.high)),
        ]


def value_of(run: RunItem, path: str) -> Any:
    """Return a run's value of a knob, None where it does not apply."""
    return run.variant if path == VARIANT else run.params.get(path)


def varying(runs: Sequence[RunItem]) -> dict[str, list[Any]]:
    """Return the knobs with more than one value among the runs, each with its values in order.

    That a knob does not apply to some runs is no value of its own: what it depends on varies.
    What differs between variants only is told by their names.
    """
    variants = dict.fromkeys(run.variant for run in runs)
    if len(variants) > 1:
        first = [run for run in runs if run.variant == runs[0].variant]
        return {VARIANT: list(variants), **varying(first)}
    paths = dict.fromkeys(path for run in runs for path in run.params)
    found = {path: list(dict.fromkeys(run.params.get(path) for run in runs)) for path in paths}
    return {
        path: sorted(values, key=_order)
        for path, values in found.items()
        if len(values) - (None in values) > 1
    }


def _order(value: Any) -> tuple[bool, bool, Any]:
    is_number = isinstance(value, int | float)
    return value is not None, not is_number, value if value is not None else 0


def grid_info(
    runs: Sequence[RunItem],
    at_best: Mapping[int, AtBest],
    *,
    choice: str = "gap",
    row_knob: str | None = None,
    column_knob: str | None = None,
) -> GridInfo:
    """Return an experiment's table; a knob not asked for is chosen: capacity down, data across."""
    knobs = varying(runs)
    axes = {path: values for path, values in knobs.items() if path != "training.seed"} or knobs
    row, column = _choose(axes, row_knob, column_knob)
    rows, columns = axes.get(row or "", [None]), axes.get(column or "", [None])
    groups: dict[tuple[Any, Any], list[RunItem]] = {}
    for run in runs:
        key = (row and value_of(run, row), column and value_of(run, column))
        groups.setdefault(key, []).append(run)
    values = {key: _value(choice, group, at_best) for key, group in groups.items()}
    numbers = [value for value in values.values() if isinstance(value, int | float)]
    ramp = Ramp(min(numbers), max(numbers)) if numbers else None
    cells = [
        [_cell(choice, groups.get((r, c)), values.get((r, c)), ramp) for c in columns] for r in rows
    ]
    return GridInfo(choice, knobs, row, column, rows, columns, cells, ramp)


def _choose(
    axes: Mapping[str, Any], row: str | None, column: str | None
) -> tuple[str | None, str | None]:
    """Return the knobs down and across: those asked for where they vary, else the lesson's."""
    ordered = sorted(
        axes,
        key=lambda path: (path != VARIANT, path not in CAPACITY, path == "dataset.n_train"),
    )
    if row not in axes:
        row = next((path for path in ordered if path != column), None)
    if column not in axes or column == row:
        rest = [path for path in axes if path != row]
        column = "dataset.n_train" if "dataset.n_train" in rest else next(iter(rest), None)
    return row, column


def _value(
    choice: str, runs: Sequence[RunItem], at_best: Mapping[int, AtBest]
) -> float | str | None:
    if choice == VERDICT:
        verdicts = Counter(run.verdict for run in runs if run.verdict)
        return verdicts.most_common(1)[0][0] if verdicts else None
    of = MEASURES[choice].of
    found = [of(run, at_best.get(run.id, {})) for run in runs]
    finite = [value for value in found if value is not None and isfinite(value)]
    return fmean(finite) if finite else None


def _cell(
    choice: str, runs: Sequence[RunItem] | None, value: float | str | None, ramp: Ramp | None
) -> Cell | None:
    if not runs:
        return None
    if isinstance(value, str):
        same = sum(run.verdict == value for run in runs)
        text = value if len(runs) == 1 else f"{value} {same}/{len(runs)}"
        return Cell(runs, value, text, f"verdict-{value.replace(' ', '-')}")
    if value is None or ramp is None:
        return Cell(runs, None, _state(runs), "level-none")
    return Cell(runs, value, MEASURES[choice].write(value), f"level-{ramp.level(value)}")


def _state(runs: Sequence[RunItem]) -> str:
    """Say why a cell has no value."""
    states = Counter(run.status for run in runs)
    if states["running"] or states["queued"]:
        return "running" if states["running"] else "queued"
    return states.most_common(1)[0][0] if not states["finished"] else words.MISSING

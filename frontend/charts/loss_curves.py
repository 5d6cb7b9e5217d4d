"""Data of a run's chart: its lines, thinned and smoothed, the gap, other seeds, and marks."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from backend import work_budget
from backend.runs.schemas import RunItem
from backend.series import IntArray, Series, downsample, smooth
from frontend.chart_options import RunView
from frontend.charts import theme
from frontend.formatting import number

Quantity = Literal["loss", "accuracy"]
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)

# Per line. The lines share their steps, so that each has at most three times as many.
MAX_POINTS = 600
MAX_SEED_POINTS = 200
# Highest value of the axis if other seeds exceed it, in units of the run's own highest value.
MAX_SEED_HEIGHT = 2.0
PARTS = ("train", "val", "test")
EMPTY = Series.of([], [])


@dataclass(frozen=True)
class PartLine:
    """The series of one part of the data, and its smoothed series if the view has smoothing."""

    part: str
    series: Series
    smoothed: Series | None = None

    @property
    def steps(self) -> list[int]:
        """The epochs that are drawn."""
        steps: list[int] = self.series.steps.tolist()
        return steps

    @property
    def values(self) -> list[float | None]:
        """The values at these epochs, None where a value is not finite."""
        return self.series.json_values

    def at(self, epochs: IntArray) -> "PartLine":
        """Return the line at the given ascending epochs, without those that it lacks."""
        smoothed = None if self.smoothed is None else self.smoothed.at_steps(epochs)
        return PartLine(self.part, self.series.at_steps(epochs), smoothed)


@dataclass(frozen=True)
class CurvesInfo:
    """Data of a run's chart. `gap` is validation minus train loss, None for accuracy."""

    quantity: Quantity
    lines: Sequence[PartLine]
    gap: PartLine | None
    seeds: Sequence[PartLine]
    best_epoch: int | None
    early_stop_epoch: int | None
    last_epoch: int
    view: RunView
    best_loss: float | None = None
    unit: str = "epoch"

    @property
    def after_best(self) -> tuple[int, int] | None:
        """First and last epoch of the range after the best epoch, None if it is empty."""
        if self.best_epoch is None or self.last_epoch <= self.best_epoch:
            return None
        return self.best_epoch, self.last_epoch

    @property
    def marks(self) -> dict[str, int | None]:
        """The marked epochs by their labels, None for a mark that is not shown yet."""
        return {"best epoch": self.best_epoch, "early stop": self.early_stop_epoch}

    @property
    def limits(self) -> tuple[float, float] | None:
        """Ends of the axis if other seeds would make the run's own lines too flat, else None."""
        own = _numbers([line for line in self.lines if line.part in self.view.show])
        others = _numbers(self.seeds)
        if not own or not others or max(others) <= MAX_SEED_HEIGHT * max(own):
            return None
        return min(0, *own), MAX_SEED_HEIGHT * max(own)

    @property
    def description(self) -> str:
        """The chart as text, with the numbers that a reader would take from it."""
        if not self.last_epoch:
            return f"No {self.unit} has been recorded yet."
        ends = ", ".join(
            f"{theme.LABELS[line.part].lower()} {number(line.series.json_values[-1])}"
            for line in self.lines
            if line.steps and line.part in self.view.show
        )
        after = f"{self.unit} {self._drawn_last:,}"
        text = [f"{self.quantity.capitalize()} after {after}: {ends or 'none'}."]
        gap = self.gap.values[-1] if self.gap and self.gap.steps else None
        if gap is not None:
            where = "below" if gap < 0 else "above"
            text.append(f"Validation is {number(abs(gap))} {where} train.")
        if self.best_epoch is not None:
            text.append(f"Best {self.unit}: {self.best_epoch:,} (lowest validation loss).")
        if self.early_stop_epoch is not None:
            text.append(f"Early stopping fires at {self.unit} {self.early_stop_epoch:,}.")
        return " ".join(text)

    @property
    def _drawn_last(self) -> int:
        return max((line.steps[-1] for line in self.lines if line.steps), default=self.last_epoch)


def curves_info(
    quantity: Quantity,
    series: Mapping[str, Series],
    *,
    view: RunView,
    best_epoch: int | None = None,
    best_loss: float | None = None,
    early_stop_epoch: int | None = None,
    seeds: Sequence[Mapping[str, Series]] = (),
    unit: str = "epoch",
) -> CurvesInfo:
    """Return the chart of a run's series by metric: ``train_loss``, ...

    `seeds` are the series of the other runs of its cell.
    """
    own = [_line(part, series.get(f"{part}_{quantity}"), view, view.smoothing) for part in PARTS]
    marked = {epoch for epoch in (best_epoch, early_stop_epoch) if epoch is not None}
    lines = _thinned(own, view, MAX_POINTS, marked)
    return CurvesInfo(
        quantity,
        lines,
        _gap(*lines[:2]) if quantity == "loss" else None,
        _seed_lines(quantity, seeds, view),
        best_epoch,
        early_stop_epoch,
        max((int(line.steps[-1]) for line in series.values() if len(line)), default=0),
        view,
        best_loss,
        unit,
    )


def _seed_lines(
    quantity: Quantity, seeds: Sequence[Mapping[str, Series]], view: RunView
) -> list[PartLine]:
    """Return the thinned train and validation lines of the other runs of a cell."""
    return [
        line
        for seed in seeds
        for part in ("train", "val")
        if part in view.show
        for line in _thinned(
            [_line(part, seed.get(f"{part}_{quantity}"), view)], view, MAX_SEED_POINTS
        )
    ]


def newest_info(
    quantity: Quantity, run: RunItem, *, early_stop_epoch: int | None, view: RunView
) -> CurvesInfo:
    """Return the chart of a run with only the newest point of each line.

    Its description and marks are the same as in the whole chart, but no points have to be read.
    """
    lines = [
        PartLine(part, Series.of([run.epoch], [value]))
        for part, value in _last_values(quantity, run)
    ]
    gap = _gap(*lines[:2]) if quantity == "loss" and len(lines) > 1 else None
    return CurvesInfo(
        quantity, lines, gap, [], run.best_epoch, early_stop_epoch, run.epoch, view, unit=run.axis
    )


def _last_values(quantity: Quantity, run: RunItem) -> Iterator[tuple[str, float | None]]:
    for part in PARTS:
        if summary := run.summary.get(f"{part}_{quantity}"):
            yield part, summary["last"]


def _numbers(lines: Sequence[PartLine]) -> list[float]:
    return [value for line in lines for value in line.values if value is not None]


def _line(part: str, series: Series | None, view: RunView, smoothing: float = 0) -> PartLine:
    """Return the line of a part within the range of epochs. Smoothing uses all earlier values."""
    if series is None:
        return PartLine(part, EMPTY)
    shown = series.between(*view.epoch_range)
    smoothed = None
    if smoothing:
        values = smooth(series.values.tolist(), smoothing)
        smoothed = Series.of(series.steps, values).take(shown)
    return PartLine(part, series.take(shown), smoothed)


def _thinned(
    lines: Sequence[PartLine], view: RunView, max_points: int, marked: Set[int] = frozenset()
) -> list[PartLine]:
    """Thin lines to shared epochs, evenly along the axis, which may be logarithmic."""
    drawn = [np.array(sorted(marked), np.int64)]
    for line in lines:
        work_budget.check()
        steps = line.series.steps
        at = np.log(np.maximum(steps, 1)) if view.epochs == "log" else None
        drawn.append(steps[downsample(line.series.values, max_points, at=at)])
    epochs = np.unique(np.concatenate(drawn))
    return [line.at(epochs) for line in lines]


def _gap(train: PartLine, validation: PartLine) -> PartLine:
    """Return the generalisation gap at the epochs that both lines have."""
    smoothed = None
    if train.smoothed is not None and validation.smoothed is not None:
        smoothed = validation.smoothed.minus(train.smoothed)
    return PartLine("gap", validation.series.minus(train.series), smoothed)

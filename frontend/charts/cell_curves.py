"""Thumbnail of the train and validation loss of a cell's runs over epochs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import log10

from backend import work_budget
from backend.series import Series, downsample
from frontend.charts.size_axes import axis_type

WIDTH, HEIGHT = 220, 110  # of the drawing, in user units of the SVG
MAX_POINTS = 80  # per line; more would not be visible


@dataclass(frozen=True)
class SmallCurve:
    """Paths to draw by part, `train` first, and the ends of the axes."""

    paths: Mapping[str, Sequence[str]]
    epochs: int
    low: float
    high: float
    is_log: bool


def small_curve(runs: Iterable[Mapping[str, Series]]) -> SmallCurve | None:
    """Return the curves of runs, each with `train_loss` and `val_loss`; None before any epoch."""
    losses = list(runs)
    lines = {part: [_thinned(run[f"{part}_loss"]) for run in losses] for part in ("train", "val")}
    every = [line for lines_of_part in lines.values() for line in lines_of_part]
    values = [value for line in every for value in line.finite.values.tolist()]
    if not values:
        return None
    low, high = min(values), max(values)
    last = max(int(line.steps[-1]) for line in every if len(line))
    box = _Box(last, low, high, axis_type(values) == "log")
    paths = {part: [box.path(line) for line in part_lines] for part, part_lines in lines.items()}
    return SmallCurve(paths, box.epochs, low, high, box.is_log)


def _thinned(series: Series) -> Series:
    return series.take(downsample(series.json_values, MAX_POINTS))


@dataclass(frozen=True)
class _Box:
    """The ranges of both axes: epochs from 1 to `epochs`, losses from `low` to `high`."""

    epochs: int
    low: float
    high: float
    is_log: bool

    def path(self, line: Series) -> str:
        """Return a line as an SVG path with a gap where a value is not finite."""
        work_budget.check()
        points = zip(line.steps.tolist(), line.json_values, strict=True)
        pieces = [
            list(group)
            for is_finite, group in groupby(points, lambda point: point[1] is not None)
            if is_finite
        ]
        return " ".join(
            "M" + "L".join(f"{self._x(epoch):.1f} {self._y(value):.1f}" for epoch, value in piece)
            + ("h.1" if len(piece) == 1 else "")
            for piece in pieces
        )  # fmt: skip

    def _x(self, epoch: int) -> float:
        return WIDTH * (epoch - 1) / max(1, self.epochs - 1)

    def _y(self, value: float | None) -> float:
        low, high, at = self.low, self.high, value or 0.0
        if self.is_log:
            low, high, at = log10(low), log10(high), log10(at)
        return HEIGHT * (high - at) / (high - low or 1.0)

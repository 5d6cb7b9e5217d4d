"""A cell's curves in the size of a thumb: train and validation loss of its seeds over epochs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import log10

from backend.series import Series, downsample
from frontend.charts.lines import axis_type

WIDTH, HEIGHT = 220, 110  # of the drawing, in its own units
POINTS = 80  # of a line: more cannot be seen

Point = tuple[int, float | None]


@dataclass(frozen=True)
class SmallCurve:
    """Paths to draw by part, `train` first, and the ends of the axes."""

    paths: Mapping[str, Sequence[str]]
    epochs: int
    low: float
    high: float
    is_log: bool


def small_curve(found: Iterable[Mapping[str, Series]]) -> SmallCurve | None:
    """Return the curves of runs, each with `train_loss` and `val_loss`; None before any epoch."""
    runs = list(found)
    lines = {part: [_thinned(run[f"{part}_loss"]) for run in runs] for part in ("train", "val")}
    points = [point for each in lines.values() for line in each for point in line]
    values = [value for _, value in points if value is not None]
    if not values:
        return None
    low, high = min(values), max(values)
    box = _Box(max(epoch for epoch, _ in points), low, high, axis_type(values) == "log")
    paths = {part: [box.path(line) for line in each] for part, each in lines.items()}
    return SmallCurve(paths, box.epochs, low, high, box.is_log)


def _thinned(series: Series) -> list[Point]:
    drawn = series.take(downsample(series.json_values, POINTS))
    return list(zip(drawn.steps.tolist(), drawn.json_values, strict=True))


@dataclass(frozen=True)
class _Box:
    """Where the last epoch, the lowest and the highest loss are at the drawing's edges."""

    epochs: int
    low: float
    high: float
    is_log: bool

    def path(self, line: Sequence[Point]) -> str:
        """Return a line as the path of an SVG; it is broken where a value is not finite."""
        stretches = [
            list(some) for known, some in groupby(line, lambda p: p[1] is not None) if known
        ]
        return " ".join(
            "M" + "L".join(f"{self._x(epoch):.1f} {self._y(value):.1f}" for epoch, value in stretch)
            + ("h.1" if len(stretch) == 1 else "")
            for stretch in stretches
        )  # fmt: skip

    def _x(self, epoch: int) -> float:
        return WIDTH * (epoch - 1) / max(1, self.epochs - 1)

    def _y(self, value: float | None) -> float:
        low, high, at = self.low, self.high, value or 0.0
        if self.is_log:
            low, high, at = log10(low), log10(high), log10(at)
        return HEIGHT * (high - at) / (high - low or 1.0)

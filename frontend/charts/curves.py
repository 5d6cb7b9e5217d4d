"""What the chart of a run shows: its lines, thinned and smoothed, the gap, other seeds, marks."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from backend.runs.items import finite
from backend.runs.schemas import RunItem
from backend.series import Series, downsample, smooth
from frontend.charts import theme
from frontend.formatting import number
from frontend.run_view import RunView

Quantity = Literal["loss", "accuracy"]
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)
Values = Sequence[float | None]
Array = NDArray[Any]

MAX_POINTS = 600  # of each line; the lines share their steps, so that each has at most 3 times that
MAX_SEED_POINTS = 200
ROOM = 2.0  # times the run's own highest value: what other seeds may take of the axis
PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class DrawnLine:
    """One part's values over the epochs that are drawn; None where a value is not finite."""

    part: str
    steps: Sequence[int]
    values: Values
    smoothed: Values = ()


@dataclass(frozen=True)
class CurvesInfo:
    """What the chart of a run shows. `gap` is validation minus train loss, None for accuracy."""

    quantity: Quantity
    lines: Sequence[DrawnLine]
    gap: DrawnLine | None
    seeds: Sequence[DrawnLine]
    best_epoch: int | None
    early_stop_epoch: int | None
    last_epoch: int
    view: RunView
    best_loss: float | None = None

    @property
    def after_best(self) -> tuple[int, int] | None:
        """First and last epoch of the stretch after the best epoch, None if there is none."""
        if self.best_epoch is None or self.last_epoch <= self.best_epoch:
            return None
        return self.best_epoch, self.last_epoch

    @property
    def marks(self) -> dict[str, int | None]:
        """The marked epochs by their labels, None for a mark that is not shown yet."""
        return {"best epoch": self.best_epoch, "early stop": self.early_stop_epoch}

    @property
    def limits(self) -> tuple[float, float] | None:
        """Ends of the axis where other seeds would leave the run's own lines no room, else None."""
        own = _numbers([line for line in self.lines if line.part in self.view.show])
        others = _numbers(self.seeds)
        if not own or not others or max(others) <= ROOM * max(own):
            return None
        return min(0, *own), ROOM * max(own)

    @property
    def description(self) -> str:
        """The chart in words, with the numbers a reader would take from it."""
        if not self.last_epoch:
            return "No epoch has been recorded yet."
        ends = ", ".join(
            f"{theme.LABELS[line.part].lower()} {number(line.values[-1])}"
            for line in self.lines
            if line.values and line.part in self.view.show
        )
        text = [f"{self.quantity.capitalize()} after epoch {self._drawn_last:,}: {ends or 'none'}."]
        gap = self.gap.values[-1] if self.gap and self.gap.values else None
        if gap is not None:
            where = "below" if gap < 0 else "above"
            text.append(f"Validation is {number(abs(gap))} {where} train.")
        if self.best_epoch is not None:
            text.append(f"Best epoch: {self.best_epoch:,} (lowest validation loss).")
        if self.early_stop_epoch is not None:
            text.append(f"Early stopping fires at epoch {self.early_stop_epoch:,}.")
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
) -> CurvesInfo:
    """Return what to draw of a run's series, keyed as in the database: ``train_loss``, ...

    `seeds` are the series of the other runs of its cell.
    """
    own = [_whole(part, series.get(f"{part}_{quantity}"), view, view.smoothing) for part in PARTS]
    marked = {epoch for epoch in (best_epoch, early_stop_epoch) if epoch is not None}
    lines = _thinned(own, view, MAX_POINTS, marked)
    behind = (
        _thinned([_whole(part, found.get(f"{part}_{quantity}"), view)], view, MAX_SEED_POINTS)
        for found in seeds
        for part in ("train", "val")
        if part in view.show
    )
    return CurvesInfo(
        quantity,
        lines,
        _gap(*lines[:2]) if quantity == "loss" else None,
        [line for some in behind for line in some],
        best_epoch,
        early_stop_epoch,
        max((int(one.steps[-1]) for one in series.values() if len(one)), default=0),
        view,
        best_loss,
    )


def newest_info(
    quantity: Quantity, run: RunItem, *, stops: int | None, view: RunView
) -> CurvesInfo:
    """Return what a chart of a run shows, with the newest point of each line alone.

    It has the chart's description and marks, without reading the points of the run.
    """
    lines = [DrawnLine(part, [run.epoch], [value]) for part, value in _last_values(quantity, run)]
    gap = _gap(*lines[:2]) if quantity == "loss" and len(lines) > 1 else None
    return CurvesInfo(quantity, lines, gap, [], run.best_epoch, stops, run.epoch, view)


def _last_values(quantity: Quantity, run: RunItem) -> Iterator[tuple[str, float | None]]:
    for part in PARTS:
        if summary := run.summary.get(f"{part}_{quantity}"):
            yield part, summary["last"]


def _numbers(lines: Sequence[DrawnLine]) -> list[float]:
    return [value for line in lines for value in line.values if value is not None]


@dataclass(frozen=True)
class _Whole:
    """A part's values in the stretch that is looked at, before they are thinned."""

    part: str
    steps: Array
    values: Array
    smoothed: Array | None = None


def _whole(part: str, found: Series | None, view: RunView, smoothing: float = 0) -> _Whole:
    """Return a part's values in the stretch that is looked at, smoothed by all before them."""
    if found is None:
        return _Whole(part, np.array([], int), np.array([]))
    wanted = found.between(*view.stretch)
    smoothed = None
    if smoothing:
        smoothed = np.array(smooth(found.values.tolist(), smoothing), float)[wanted]
    return _Whole(part, found.steps[wanted], found.values[wanted], smoothed)


def _thinned(
    lines: Sequence[_Whole], view: RunView, most: int, marked: Set[int] = frozenset()
) -> list[DrawnLine]:
    """Thin lines to the same epochs: as many of each part of the axis, be it logarithmic."""
    kept = [np.array(sorted(marked), int)]
    for line in lines:
        at = np.log(np.maximum(line.steps, 1)) if view.epochs == "log" else None
        kept.append(line.steps[downsample(line.values, most, at=at)])
    epochs = np.unique(np.concatenate(kept))
    return [_only(line, epochs) for line in lines]


def _only(line: _Whole, epochs: Array) -> DrawnLine:
    """Return a line at those of some epochs, ascending, that it has."""
    places = line.steps.searchsorted(epochs)
    inside = places < len(line.steps)
    places, epochs = places[inside], epochs[inside]
    places = places[line.steps[places] == epochs]
    smoothed = [] if line.smoothed is None else _plain(line.smoothed[places])
    return DrawnLine(line.part, line.steps[places].tolist(), _plain(line.values[places]), smoothed)


def _plain(values: Array) -> list[float | None]:
    return [finite(value) for value in values.tolist()]


def _gap(train: DrawnLine, validation: DrawnLine) -> DrawnLine:
    """Return validation minus train at the epochs that have both."""
    values = _differences(train.steps, train.values, validation.steps, validation.values)
    smoothed = _differences(train.steps, train.smoothed, validation.steps, validation.smoothed)
    return DrawnLine("gap", list(values), list(values.values()), list(smoothed.values()))


def _differences(
    steps: Sequence[int], values: Values, other_steps: Sequence[int], others: Values
) -> dict[int, float | None]:
    above = dict(zip(other_steps, others, strict=False))
    pairs = (
        (step, value, above[step])
        for step, value in zip(steps, values, strict=False)
        if step in above
    )
    return {step: None if low is None or high is None else high - low for step, low, high in pairs}

"""Parallel coordinates: each cell of an experiment as a line over its settings to its outcome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backend.analysis.cells import SEED
from backend.runs.schemas import RunItem
from backend.specification.params import Axes, ParamValue
from frontend import formatting
from frontend.charts.grid import axes_of, value_of
from frontend.charts.grid_metrics import (
    CHOICES,
    VERDICT,
    AtBest,
    Ramp,
    ramp_of,
    style,
    value_of_cell,
    write,
)

HEIGHT, MARGIN = 300, 70  # of the drawing, in its own units
MIN_WIDTH, MIN_STEP = 480, 130  # between the margins, and between two axes
MAX_LINES = 1000
MAX_ROWS = 100  # of the table
MAX_TICKS = 12
OUTCOME_TICKS = 5


@dataclass(frozen=True)
class ParallelAxis:
    """An axis at `x`. Its ticks are heights with texts.

    Readers can select a range on each axis: on the axis of a hyperparameter between two of its
    `options`, which are at `heights`, and on the axis of the outcome between two values of `ramp`.
    """

    slug: str
    title: str
    x: float
    ticks: Sequence[tuple[float, str]]
    options: Sequence[str] = ()
    heights: Sequence[float] = ()
    ramp: Ramp | None = None

    @property
    def heading(self) -> str:
        """The title above the axis; a param of another program keeps its name."""
        return formatting.heading(self.slug) if self.options else self.title.capitalize()


@dataclass(frozen=True)
class ParallelLine:
    """The line of a cell: its SVG path, its values and outcome as text, and its first run.

    `picks` are the indices of its values among the options of each axis, and its outcome last.
    """

    path: str
    picks: Sequence[float]
    values: Sequence[str]
    outcome: str
    style: str
    run_id: int
    url: str
    runs: int


@dataclass(frozen=True)
class ParallelInfo:
    """The chart: axes from left to right, and lines, the best one last so that it is on top."""

    outcome: str
    axes: Sequence[ParallelAxis]
    lines: Sequence[ParallelLine]
    left_out: int

    @property
    def width(self) -> float:
        """The width of the chart with its margins."""
        return self.axes[-1].x + MARGIN

    @property
    def description(self) -> str:
        """A description of the chart for screen readers."""
        titles = ", ".join(axis.title for axis in self.axes[:-1])
        cells = formatting.count(len(self.lines), "cell")
        text = f"{cells} as lines over {titles} to {self.outcome}."
        if not self.lines:
            return text
        best = self.lines[-1]
        at = ", ".join(
            f"{axis.title} {value}" for axis, value in zip(self.axes, best.values, strict=False)
        )
        return f"{text} Lowest: {best.outcome} at {at}."


def parallel_info(
    runs: Sequence[RunItem], at_best: Mapping[int, AtBest], *, choice: str = "best"
) -> ParallelInfo | None:
    """Return the chart, or None if fewer than two hyperparameters vary."""
    choice = "best" if choice == VERDICT else choice  # a verdict has no order
    varying = {path: values for path, values in axes_of(runs).items() if path != SEED}
    if len(varying) < 2:
        return None
    cells: dict[tuple[ParamValue, ...], list[RunItem]] = {}
    for run in runs:
        cells.setdefault(tuple(value_of(run, path) for path in varying), []).append(run)
    values = {key: value_of_cell(choice, cell, at_best) for key, cell in cells.items()}
    outcomes = {key: value for key, value in values.items() if isinstance(value, int | float)}
    ordered = sorted(outcomes, key=lambda key: -outcomes[key])[-MAX_LINES:]
    ramp = ramp_of(outcomes.values())
    axes = _axes(varying, ramp, choice)
    lines = [_line(key, cells[key], outcomes[key], ramp, axes, varying, choice) for key in ordered]
    return ParallelInfo(CHOICES[choice], axes, lines, len(cells) - len(ordered))


def _axes(varying: Axes, ramp: Ramp | None, choice: str) -> list[ParallelAxis]:
    """Return one axis per hyperparameter, its values evenly spaced, and one for the outcome."""
    step = max(MIN_WIDTH / len(varying), MIN_STEP)
    axes = []
    for place, (path, values) in enumerate(varying.items()):
        named = [formatting.value(value, path) for value in values]
        every = -(-len(values) // MAX_TICKS)
        heights = [_height(index, len(values)) for index in range(len(values))]
        ticks = list(zip(heights, named, strict=True))[::every]
        axes.append(
            ParallelAxis(path, formatting.label(path), MARGIN + place * step, ticks, named, heights)
        )
    shares = [i / (OUTCOME_TICKS - 1) for i in range(OUTCOME_TICKS)]
    ticks = [(HEIGHT * (1 - at), write(choice, ramp.at(at))) for at in shares] if ramp else []
    axes.append(
        ParallelAxis(choice, CHOICES[choice], MARGIN + len(varying) * step, ticks, ramp=ramp)
    )
    return axes


def _line(
    key: tuple[ParamValue, ...],
    cell: Sequence[RunItem],
    outcome: float,
    ramp: Ramp | None,
    axes: Sequence[ParallelAxis],
    varying: Axes,
    choice: str,
) -> ParallelLine:
    picks = [values.index(value) for value, values in zip(key, varying.values(), strict=True)]
    sizes = map(len, varying.values())
    heights = [_height(pick, size) for pick, size in zip(picks, sizes, strict=True)]
    heights.append(HEIGHT * (1 - ramp.share(outcome)) if ramp else 0.0)
    corners = (f"{axis.x:.0f} {height:.1f}" for axis, height in zip(axes, heights, strict=True))
    return ParallelLine(
        path="M" + "L".join(corners),
        picks=[*picks, outcome],
        values=[formatting.value(value, path) for path, value in zip(varying, key, strict=True)],
        outcome=write(choice, outcome),
        style=style(outcome, ramp),
        run_id=cell[0].id,
        url=cell[0].url,
        runs=len(cell),
    )


def _height(index: int, count: int) -> float:
    return HEIGHT * (1 - index / (count - 1)) if count > 1 else HEIGHT / 2

"""Bias and variance over capacity or data, and over the epochs of one cell."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

import plotly.graph_objects as go

from backend.analysis.bias_variance import Split
from backend.analysis.capacity_curves import capacity_axis
from backend.analysis.cells import N_TRAIN, lines_along
from backend.analysis.intervals import student_t
from backend.diagnosis.number_format import number
from backend.runs.grid_analysis import CellSplit
from backend.specification.params import ParamValue, as_number
from frontend.charts import size_axes, theme

_TERMS = (
    ("bias", "Bias", "var(--train)", "var(--train-band)", "solid"),
    ("variance", "Variance", "var(--validation)", "var(--validation-band)", "dash"),
    ("error", "Error (their sum)", "var(--ink)", "var(--test-band)", "dot"),
)


@dataclass(frozen=True)
class SplitInfo:
    """Splits of the error at the values `x` of an axis named `title`.

    `cell` is the cell of the last split. It holds what all splits share: loss, inputs and noise.
    """

    title: str
    x: Sequence[float]
    splits: Sequence[Split]
    cell: CellSplit

    @property
    def name_of_bias(self) -> str:
        """The label of the bias, which is squared for a squared error."""
        return "Bias squared" if self.cell.loss == "squared error" else "Bias"

    @property
    def description(self) -> str:
        """The chart as text."""
        last = self.splits[-1]
        bias, variance, error = ([getattr(s, name) for s in self.splits] for name, *_ in _TERMS)
        noise = (
            f" The dashed line is the noise of the targets, {number(self.cell.noise)}, which "
            "adds to both."
            if self.cell.noise
            else ""
        )
        few = "" if last.models > 2 else " Two seeds give no intervals."
        return (
            f"From {self.x[0]:,.0f} to {self.x[-1]:,.0f} {self.title}: "
            f"{self.name_of_bias.lower()} {self._course(bias, min)}; "
            f"variance {self._course(variance, max)}; "
            f"their sum, the error, {self._course(error, min)}. {last.models} models, "
            f"trained on different samples, at the same {self.cell.inputs:,} test inputs."
            f"{noise}{few}"
        )

    def _course(self, values: Sequence[float], extreme: Callable[[Sequence[float]], float]) -> str:
        """Describe the ends of a line, and its lowest or highest point if that lies between."""
        at = values.index(extreme(values))
        ends = [(0, ""), (len(values) - 1, "")]
        if 0 < at < len(values) - 1:
            ends.insert(1, (at, f" ({'lowest' if extreme is min else 'highest'})"))
        return ", ".join(f"{_amount(values[i])} at {self.x[i]:,.0f}{note}" for i, note in ends)


def _amount(value: float) -> str:
    """Write a term; bias squared is corrected for its variance, and may be just below 0."""
    return number(value) if value > 0 else "about 0"


def split_axis(varying: Mapping[str, Sequence[ParamValue]]) -> str:
    """Return the hyperparameter that splits are drawn over: capacity, or data if it is fixed."""
    return capacity_axis(varying) or N_TRAIN


def split_lines(cells: Sequence[CellSplit], axis: str) -> list[list[CellSplit]]:
    """Return lines of cells that differ only in `axis`, the line with the lowest error first."""
    ordered = lines_along(cells, lambda cell: cell.params, axis)
    return sorted(ordered, key=lambda line: min(cell.last.error for cell in line))


def over_sizes(line: Sequence[CellSplit], *, at: str) -> SplitInfo:
    """Return the splits of a line over its parameters, or over its data if these are equal."""
    by_capacity = len({cell.parameters for cell in line}) > 1
    x = [float(c.parameters if by_capacity else as_number(c.params[N_TRAIN])) for c in line]
    splits = [cell.last if at == "last" else cell.best for cell in line]
    return SplitInfo("parameters" if by_capacity else "training samples", x, splits, line[-1])


def over_epochs(cell: CellSplit) -> SplitInfo:
    """Return the splits of one cell over its epochs."""
    epochs = [float(point.epoch) for point in cell.epochs]
    return SplitInfo("epochs", epochs, [point.split for point in cell.epochs], cell)


def draw_splits(info: SplitInfo) -> theme.Drawing:
    """Draw bias, variance and their sum, with 95 % intervals (jackknife over the seeds)."""
    figure = go.Figure(layout=theme.layout(uirevision="splits", hovermode="x unified"))
    errors = [split.error for split in info.splits]
    least = size_axes.ABOUT_ZERO * min(errors) if size_axes.axis_type(errors) == "log" else -inf
    for term, name, colour, band, dash in _TERMS:
        label = info.name_of_bias if term == "bias" else name
        values = [getattr(split, term) for split in info.splits]
        halves = [_half(split, term) for split in info.splits]
        if term != "error" and None not in halves:
            low = [max(v - (h or 0), least) for v, h in zip(values, halves, strict=True)]
            high = [max(v + (h or 0), least) for v, h in zip(values, halves, strict=True)]
            size_axes.add_band(figure, info.x, low, high, band, group=label)
        figure.add_scatter(
            x=info.x, y=[max(value, least) for value in values], name=label, legendgroup=label,
            mode="lines+markers", line={"color": colour, "dash": dash, "width": 2},
            customdata=values, hovertemplate="%{customdata:.4g}",
        )  # fmt: skip
    noise = info.cell.noise
    if noise:
        figure.add_hline(y=noise, line={"color": "var(--quiet)", "dash": "longdash", "width": 1})
    size_axes.set_axes(figure, x=info.x, y=errors, titles=(info.title, info.cell.loss))
    return theme.drawing(figure, info.description)


def _half(split: Split, term: str) -> float | None:
    """Return half the 95 % interval of a term; None for two models."""
    error = getattr(split, f"{term}_se")
    return None if error is None else student_t(split.models - 1) * float(error)

"""A capacity curve: loss over the number of parameters, with the interpolation threshold."""

from dataclasses import dataclass

import plotly.graph_objects as go

from backend.analysis.capacity_curves import CapacityCurve, OptimumCurve
from backend.analysis.capacity_points import Optimum
from backend.analysis.intervals import Interval
from frontend.charts import size_axes, theme
from frontend.charts.theme import Drawing
from frontend.formatting import label


@dataclass(frozen=True)
class CapacityInfo:
    """The data of the chart of one capacity curve."""

    curve: CapacityCurve

    @property
    def sizes(self) -> list[float]:
        """The numbers of parameters, or the capacities if these are unknown."""
        return [point.size for point in self.curve.points]

    @property
    def axis(self) -> str:
        """The title of the axis of sizes."""
        return axis_of(self.curve.knob, self.curve.optimum)

    @property
    def marks(self) -> list[tuple[float, str]]:
        """The measured and the counted threshold, if they are within the range of the axis."""
        low, high = min(self.sizes), max(self.sizes)
        thresholds = [
            (self.curve.measured_threshold, "train error about 0"),
            (self.curve.counted_threshold, "as many parameters as numbers to fit"),
        ]
        return [
            (float(at), text) for at, text in thresholds if at is not None and low <= at <= high
        ]


def draw_capacity_curve(info: CapacityInfo) -> theme.Drawing:
    """Draw a capacity curve: best and final validation loss, final train loss, test loss."""
    figure = go.Figure(
        layout=theme.layout(
            uirevision="capacity", hovermode="x unified", margin={"l": 8, "r": 8, "t": 52, "b": 8}
        )
    )
    points, x = info.curve.points, info.sizes
    drawn: list[tuple[list[Interval | None], str, str, Drawing]] = [
        ([p.final_train for p in points], "train", "Train, last epoch", {}),
        ([p.validation for p in points], "val", "Validation, best epoch", {}),
        ([p.final_validation for p in points], "val", "Validation, last epoch",
         {"dash": "dot", "opacity": 0.7}),
        ([p.test for p in points], "test", "Test, best epoch", {"visible": "legendonly"}),
    ]  # fmt: skip
    floor = size_axes.floor_of([point.validation for point in points])
    for means, part, name, look in drawn:
        size_axes.add_line(figure, x, means, part, name, at_least=floor, **look)
    losses = [interval.mean for means, *_ in drawn[1:3] for interval in means if interval]
    size_axes.set_axes(figure, x=x, y=losses, titles=(info.axis, "loss"))
    log = size_axes.axis_type(x) == "log"
    for row, (at, text) in enumerate(info.marks):
        size_axes.add_mark(figure, at, text, log=log, row=row)
    optimum = info.curve.optimum
    figure.add_scatter(
        x=[optimum.size], y=[optimum.validation.mean], name="Optimum", mode="markers",
        marker={"symbol": "star", "size": 15, "color": "var(--mark-0)"},
        hovertemplate="%{y:.4g}",
    )  # fmt: skip
    return theme.drawing(figure, info.curve.sentence)


def draw_optimum(curve: OptimumCurve) -> theme.Drawing:
    """Draw the best capacity over the number of training samples."""
    figure = go.Figure(layout=theme.layout(uirevision="optimum", hovermode="x unified"))
    sizes = [float(size.n_train) for size in curve.optima]
    optima = [size.optimum for size in curve.optima]
    axis = axis_of(curve.knob, optima[0])
    parameters = [best.size for best in optima]
    figure.add_scatter(
        x=sizes, y=parameters, name="Optimum capacity", mode="lines+markers",
        line={"color": "var(--mark-0)", "width": 2}, marker={"symbol": "star", "size": 13},
        customdata=[_optimum_text(curve, at) for at in range(len(sizes))],
        hovertemplate=f"%{{y:,}} {axis}<br>%{{customdata}}",
        error_y={
            "type": "data", "color": "var(--mark-0)", "thickness": 1.5,
            "array": [best.most - best.size for best in optima],
            "arrayminus": [best.size - best.fewest for best in optima],
        },
    )  # fmt: skip
    ends = [float(end) for best in optima for end in (best.fewest, best.most)]
    size_axes.set_axes(figure, x=sizes, y=ends, titles=("training samples", axis))
    return theme.drawing(figure, curve.sentence)


def axis_of(capacity: str, optimum: Optimum) -> str:
    """Return the title of an axis of capacity: parameters, or the capacity if these are unknown."""
    return "parameters" if optimum.parameters else label(capacity)


def _optimum_text(curve: OptimumCurve, at: int) -> str:
    optimum = curve.optima[at].optimum
    test = f", test {optimum.test.mean:.4g}" if optimum.test else ""
    return f"validation loss {optimum.validation.mean:.4g}{test}"

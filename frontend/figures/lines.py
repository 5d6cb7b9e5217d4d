"""What figures over sizes share: axes, bands over seeds, lines with markers."""

from collections.abc import Sequence
from math import log10
from typing import Any

import plotly.graph_objects as go

from backend.analysis.grid.intervals import Interval
from frontend.figures import theme

ABOUT_ZERO = 1e-2  # of the lowest validation loss
WIDE = 10.0  # ratio of largest to smallest from which an axis is logarithmic

BANDS = {
    "train": "var(--train-band)",
    "val": "var(--validation-band)",
    "test": "var(--test-band)",
}
LOOKS: dict[str, dict[str, Any]] = {
    part: {"color": theme.COLOURS[part], "dash": theme.DASHES[part], "width": 2}
    for part in theme.COLOURS
}


def axis_type(values: Sequence[float | None]) -> str:
    """Return "log" for positive values that span widely, else "linear".

    As scikit-learn's LearningCurveDisplay and ValidationCurveDisplay choose, which draw a
    logarithmic axis where the values are spread unevenly.
    """
    found = [value for value in values if value is not None]
    return "log" if found and min(found) > 0 and max(found) >= WIDE * min(found) else "linear"


def set_axes(
    figure: go.Figure, *, x: Sequence[float], y: Sequence[float | None], titles: tuple[str, str]
) -> None:
    """Give both axes their titles and scales; a logarithmic x axis is marked at the values."""
    x_type, y_type = axis_type(x), axis_type(y)
    figure.update_xaxes(title_text=titles[0], type=x_type, hoverformat=",.0f")
    figure.update_yaxes(title_text=titles[1], type=y_type)
    if x_type == "log" and len(set(x)) <= 8:
        ticks = sorted(set(x))
        figure.update_xaxes(tickvals=ticks, ticktext=[short(value) for value in ticks])
    if y_type == "log":
        figure.update_yaxes(dtick="D2", minor={"showgrid": False})
    else:
        figure.update_yaxes(rangemode="tozero")


def short(value: float) -> str:
    """Write a size for an axis: 800, 1.2k, 3M."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:g}"


def add_line(
    figure: go.Figure,
    x: Sequence[float],
    means: Sequence[Interval | None],
    part: str,
    name: str,
    *,
    floor: float = 0.0,
    **more: Any,
) -> None:
    """Draw means over seeds as a line with markers, over a band of their intervals.

    What is below `floor` is drawn there: a train loss of 1e-29 is about 0, and would stretch a
    logarithmic axis.
    """
    known = [(at, one) for at, one in zip(x, means, strict=True) if one is not None]
    if not known:
        return
    banded = [(at, one.low, one.high) for at, one in known if one.low is not None]
    visible = more.pop("visible", True)
    line = {**LOOKS[part], **more.pop("line", {})}
    if len(banded) > 1 and visible is True:
        add_band(figure, [b[0] for b in banded], [max(b[1] or 0, floor) for b in banded],
                 [b[2] for b in banded], BANDS[part], group=name)  # fmt: skip
    figure.add_scatter(
        x=[at for at, _ in known], y=[max(one.mean, floor) for _, one in known], name=name,
        mode="lines+markers", line=line, marker={"size": 7}, legendgroup=name, visible=visible,
        customdata=[_spread(one) for _, one in known],
        hovertemplate="%{customdata}", **more,
    )  # fmt: skip


def add_band(
    figure: go.Figure,
    x: Sequence[float],
    low: Sequence[float | None],
    high: Sequence[float | None],
    colour: str,
    *,
    group: str,
) -> None:
    """Shade between two lines. A bound that is not above 0 is cut there, for logarithmic axes."""
    floor = min((v for v in [*low, *high] if v is not None and v > 0), default=1e-9) / 3
    cut = [max(value or floor, floor) for value in low]
    figure.add_scatter(
        x=[*x, *reversed(x)], y=[*high, *reversed(cut)], fill="toself", fillcolor=colour,
        line={"width": 0, "color": theme.CLEAR}, mode="lines", hoverinfo="skip",
        showlegend=False, legendgroup=group, name=f"{group}, interval",
    )  # fmt: skip


def floor_of(losses: Sequence[Interval | None]) -> float:
    """Return what is about 0 beside these losses."""
    return ABOUT_ZERO * min((abs(one.mean) for one in losses if one), default=0.0)


def add_mark(figure: go.Figure, x: float, text: str, *, log: bool, row: int = 0) -> None:
    """Draw a vertical line with its label above the plot."""
    figure.add_shape(
        type="line", x0=x, x1=x, y0=0, y1=1, yref="paper", name=text,
        line={"color": "var(--mark-1)", "dash": "dashdot", "width": 1.5},
    )  # fmt: skip
    figure.add_annotation(
        x=log10(x) if log else x, y=1, yref="paper", yanchor="bottom", yshift=2 + 17 * row,
        showarrow=False, text=text, font={"color": "var(--mark-1)", "size": 12},
    )  # fmt: skip


def _spread(one: Interval) -> str:
    if one.low is None or one.high is None:
        return f"{one.mean:.4g} (one seed)"
    return f"{one.mean:.4g} ({one.low:.4g} to {one.high:.4g}, {one.count} seeds)"

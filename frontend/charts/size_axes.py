"""Shared parts of charts over sizes: axes, lines with markers, bands over seeds."""

from collections.abc import Sequence
from math import ceil, floor, log10

import plotly.graph_objects as go

from backend.analysis.intervals import Interval
from frontend.charts import theme

MAX_TICKS = 8
ABOUT_ZERO = 1e-2  # share of the lowest validation loss that counts as about 0
WIDE = 10.0  # ratio of largest to smallest from which an axis is logarithmic

BANDS = {
    "train": "var(--train-band)",
    "val": "var(--validation-band)",
    "test": "var(--test-band)",
}
LOOKS: dict[str, theme.Drawing] = {
    part: {"color": theme.COLOURS[part], "dash": theme.DASHES[part], "width": 2}
    for part in theme.COLOURS
}


def axis_type(values: Sequence[float | None]) -> str:
    """Return "log" for positive values over a wide range, else "linear".

    This follows LearningCurveDisplay and ValidationCurveDisplay of scikit-learn, which use a
    logarithmic axis for unevenly spread values.
    """
    numbers = [value for value in values if value is not None]
    is_wide = bool(numbers) and max(numbers) >= WIDE * min(numbers) > 0
    return "log" if is_wide else "linear"


def set_axes(
    figure: go.Figure, *, x: Sequence[float], y: Sequence[float | None], titles: tuple[str, str]
) -> None:
    """Set the titles and scales of both axes.

    A logarithmic x axis with few values has ticks at these values. Other logarithmic axes have
    ticks at powers of ten, and at 2 and 5 times these if the powers are few.
    """
    y_values = [value for value in y if value is not None]
    for axis, values, title in (("xaxis", list(x), titles[0]), ("yaxis", y_values, titles[1])):
        scale = axis_type(values)
        update: theme.Drawing = {"title": {"text": title}, "type": scale}
        if scale == "log":
            own = sorted(set(values))
            ticks = own if axis == "xaxis" and len(own) <= MAX_TICKS else log_ticks(values)
            update |= {"tickvals": ticks, "ticktext": [short(value) for value in ticks]}
        elif axis == "yaxis":
            update["rangemode"] = "tozero"
        figure.update_layout({axis: update})
    figure.update_xaxes(hoverformat=",.0f")


def log_ticks(values: Sequence[float]) -> list[float]:
    """Return round numbers that mark a logarithmic axis over positive values."""
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    step = max(1, (high - low) // MAX_TICKS + 1)
    factors = (1, 2, 5) if high - low <= 3 else (1,)
    return [factor * 10.0**power for power in range(low, high + 1, step) for factor in factors]


def short(value: float) -> str:
    """Write a size for an axis: 800, 1.2k, 3M."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if size <= value < 1e9:
            return f"{value / size:.3g}{unit}"
    return f"{value:g}"


def add_line(
    figure: go.Figure,
    x: Sequence[float],
    means: Sequence[Interval | None],
    part: str,
    name: str,
    *,
    at_least: float = 0.0,
    dash: str | None = None,
    opacity: float = 1.0,
    visible: bool | str = True,
) -> None:
    """Draw means over seeds as a line with markers, over a band of their intervals.

    Values below `at_least` are drawn there: a train loss of 1e-29 is about 0, and would lengthen a
    logarithmic axis.
    """
    points = [(size, mean) for size, mean in zip(x, means, strict=True) if mean is not None]
    if not points:
        return
    line = LOOKS[part] | ({"dash": dash} if dash else {})
    if visible is True:
        _add_intervals(figure, points, part, name, at_least)
    figure.add_scatter(
        x=[size for size, _ in points], y=[max(mean.mean, at_least) for _, mean in points],
        name=name, mode="lines+markers", line=line, marker={"size": 7}, legendgroup=name,
        visible=visible, opacity=opacity, hovertemplate="%{customdata}",
        customdata=[_hover_text(mean) for _, mean in points],
    )  # fmt: skip


def _add_intervals(
    figure: go.Figure,
    points: Sequence[tuple[float, Interval]],
    part: str,
    name: str,
    at_least: float,
) -> None:
    """Shade the intervals of a line if at least two of its points have one."""
    banded = [(size, mean.low, mean.high) for size, mean in points if mean.low is not None]
    if len(banded) > 1:
        sizes, lows, highs = zip(*banded, strict=True)
        low, high = ([max(end or 0, at_least) for end in ends] for ends in (lows, highs))
        add_band(figure, sizes, low, high, BANDS[part], group=name)


def add_band(
    figure: go.Figure,
    x: Sequence[float],
    low: Sequence[float | None],
    high: Sequence[float | None],
    colour: str,
    *,
    group: str,
) -> None:
    """Shade between two lines. For logarithmic axes, bounds that are not positive become small."""
    least = min((v for v in [*low, *high] if v is not None and v > 0), default=1e-9) / 3
    cut = [max(value or least, least) for value in low]
    figure.add_scatter(
        x=[*x, *reversed(x)], y=[*high, *reversed(cut)], fill="toself", fillcolor=colour,
        line={"width": 0, "color": theme.CLEAR}, mode="lines", hoverinfo="skip",
        showlegend=False, legendgroup=group, name=f"{group}, interval",
    )  # fmt: skip


def floor_of(losses: Sequence[Interval | None]) -> float:
    """Return a loss that is about 0 compared with these losses."""
    return ABOUT_ZERO * min((abs(loss.mean) for loss in losses if loss), default=0.0)


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


def _hover_text(mean: Interval) -> str:
    if mean.low is None or mean.high is None:
        return f"{mean.mean:.4g} (one seed)"
    return f"{mean.mean:.4g} ({mean.low:.4g} to {mean.high:.4g}, {mean.count} seeds)"

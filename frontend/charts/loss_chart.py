"""Loss or accuracy chart of a run: lines over epochs, with the generalisation gap below."""

from collections.abc import Sequence
from itertools import chain
from math import log10

import plotly.graph_objects as go

from frontend.chart_options import AxisScale
from frontend.charts import theme
from frontend.charts.loss_curves import CurvesInfo, PartLine

MARKS = {"best epoch": ("var(--mark-0)", "solid"), "early stop": ("var(--mark-1)", "dashdot")}
CURSOR = "epoch of the picture"
STRIP, ABOVE = (0, 0.2), (0.29, 1)  # from and to, as shares of the height: gap, lines above it


def draw_curves(info: CurvesInfo) -> theme.Drawing:
    """Draw the loss or accuracy of a run with the options of its view."""
    epochs = info.view.epochs or "linear"
    figure = go.Figure(layout=_layout(info, epochs))
    _add_seeds(figure, info)
    for line in info.lines:
        _add_line(figure, info, line)
    if info.gap is not None:
        _add_gap(figure, info.gap)
    _shade(figure, info)
    for row, (name, epoch) in enumerate(info.marks.items()):
        _mark(figure, name, epoch, epochs, row=row, middle=sum(_ends(info, epochs)) / 2)
    _add_cursor(figure)
    best = {"epoch": info.best_epoch, "value": info.best_loss}
    growth = {"marks": info.marks, "best": best if info.best_epoch is not None else None}
    return theme.drawing(figure, info.description) | growth


def _layout(info: CurvesInfo, epochs: AxisScale) -> go.Layout:
    view = info.view
    layout = theme.layout(
        uirevision=f"{info.quantity} {view.query()}",
        hovermode="x unified",
        hoversubplots="axis",
        dragmode="zoom",
        margin={"l": 64, "r": 8, "t": 52, "b": 100},
    )
    # fixed margins, because measuring the labels takes half the time of drawing a live curve
    title = {"text": info.unit, "standoff": 6}
    layout.update(xaxis={"title": title, "hoverformat": ",d", "automargin": False})
    layout.update(xaxis={"type": epochs, **_range(info, epochs)})
    if epochs == "log":
        layout.update(xaxis=_whole_numbers(_ends(info, epochs)))
    layout.update(yaxis=_values_axis(info))
    if info.gap is not None:
        layout.update(xaxis={"anchor": "y2"}, yaxis={"domain": ABOVE})
        strip = {**layout.yaxis.to_plotly_json(), "type": "linear", "domain": STRIP, "range": None}
        layout.update(yaxis2=strip | {"nticks": 4, "zeroline": True, "rangemode": "tozero"})
        layout.update(yaxis2={"title": {"text": "gap"}})
    return layout


def _whole_numbers(ends: Sequence[float]) -> dict[str, object]:
    """Return ticks with full numbers. By default Plotly labels both 20 and 200 with 2."""
    if ends[1] - ends[0] < 1:
        return {"tickformat": ",d"}
    ticks = [digit * 10**power for power in range(6) for digit in (1, 3)]
    return {"tickvals": ticks, "ticktext": [f"{tick:,}" for tick in ticks]}


def _values_axis(info: CurvesInfo) -> dict[str, object]:
    """Return the axis of the values. Its range is fixed, so that zooming selects only epochs."""
    axis: dict[str, object] = {"title": {"text": info.quantity}, "type": info.view.scale}
    axis |= {"automargin": False, "fixedrange": True}
    if info.view.scale == "log":
        return axis | {"exponentformat": "power"}
    if info.quantity == "accuracy":
        return axis
    return axis | ({"range": info.limits} if info.limits else {"rangemode": "tozero"})


def _range(info: CurvesInfo, epochs: AxisScale) -> dict[str, object]:
    """Return the range of epochs that is zoomed into, by default all epochs."""
    if info.view.epoch_range == (None, None):
        return {"rangemode": "tozero"} if epochs == "linear" else {}
    return {"range": _ends(info, epochs)}


def _ends(info: CurvesInfo, epochs: AxisScale) -> list[float]:
    first, last = info.view.epoch_range
    ends = (1 if first is None else first, info.last_epoch if last is None else last)
    return [_place(end, epochs) for end in ends]


def _add_line(figure: go.Figure, info: CurvesInfo, line: PartLine) -> None:
    """Draw a line. Behind a smoothed line, the recorded values stay visible."""
    look = {"color": theme.COLOURS[line.part], "dash": theme.DASHES[line.part], "width": 2}
    name, shown = theme.LABELS[line.part], True if line.part in info.view.show else "legendonly"
    raw = {"opacity": 0.35, "line": look | {"width": 1, "dash": "solid"}}
    figure.add_scatter(
        x=line.steps, y=line.values, name=name, meta=f"{line.part}_{info.quantity}",
        uid=line.part, legendgroup=line.part, visible=shown, hovertemplate="%{y:.4g}",
        mode=_mode([line]),
        **(raw | {"showlegend": False} if line.smoothed is not None else {"line": look}),
    )  # fmt: skip
    if line.smoothed is not None:
        figure.add_scatter(
            x=line.steps, y=line.smoothed.json_values, name=name, uid=f"{line.part} smoothed",
            legendgroup=line.part, visible=shown, mode="lines", line=look, hoverinfo="skip",
        )  # fmt: skip


def _mode(lines: Sequence[PartLine]) -> str:
    """Return the mode of a trace: a single epoch is drawn as a dot."""
    return "lines+markers" if max(len(line.steps) for line in lines) == 1 else "lines"


def _add_gap(figure: go.Figure, gap: PartLine) -> None:
    look = {"color": theme.INK, "width": 1.5}
    figure.add_scatter(
        x=gap.steps, y=gap.values, name="Gap", meta="gap", uid="gap", yaxis="y2", mode=_mode([gap]),
        line=look | ({"width": 0.5} if gap.smoothed is not None else {}), fill="tozeroy",
        fillcolor="var(--shade)", showlegend=False, hovertemplate="%{y:.4g}",
    )  # fmt: skip
    if gap.smoothed is not None:
        figure.add_scatter(
            x=gap.steps, y=gap.smoothed.json_values, uid="gap smoothed", yaxis="y2", mode="lines",
            line=look, showlegend=False, hoverinfo="skip",
        )  # fmt: skip


def _add_seeds(figure: go.Figure, info: CurvesInfo) -> None:
    """Draw the other runs of the cell faintly behind, in one trace per part."""
    for part in ("train", "val"):
        lines = [line for line in info.seeds if line.part == part]
        if lines:
            figure.add_scatter(
                x=list(chain.from_iterable([*line.steps, None] for line in lines)),
                y=list(chain.from_iterable([*line.values, None] for line in lines)),
                name="Other seeds", uid=f"seeds {part}", legendgroup="seeds", mode=_mode(lines),
                line={"color": theme.COLOURS[part], "dash": theme.DASHES[part], "width": 1},
                opacity=0.3, hoverinfo="skip", showlegend=part == "train",
            )  # fmt: skip


def seed_traces(info: CurvesInfo) -> list[dict[str, object]]:
    """Return the points of the cell's other runs, by the uid of their traces."""
    figure = go.Figure()
    _add_seeds(figure, info)
    return [{"uid": trace.uid, "x": list(trace.x), "y": list(trace.y)} for trace in figure.data]


def _shade(figure: go.Figure, info: CurvesInfo) -> None:
    """Shade the epochs after the best one; hidden until there are any."""
    start, end = info.after_best or (1, 1)
    figure.add_shape(
        type="rect", x0=start, x1=end, y0=0, y1=1, yref="paper", name="after the best epoch",
        fillcolor="var(--shade)", line={"width": 0}, layer="below",
        visible=info.after_best is not None,
    )  # fmt: skip


def _place(epoch: int, epochs: AxisScale) -> float:
    """Return the position of an epoch for annotations and ranges: its log on a log axis."""
    return log10(max(epoch, 1)) if epochs == "log" else epoch


def _mark(
    figure: go.Figure, name: str, epoch: int | None, epochs: AxisScale, *, row: int, middle: float
) -> None:
    """Draw a vertical line with its label above the plot; each mark has its own row.

    A mark without an epoch is hidden; curve_growth.js shows it when a growing curve gets there.
    """
    colour, dash = MARKS[name]
    visible, epoch = epoch is not None, epoch or 1
    look, at = {"color": colour, "dash": dash, "width": 1.5}, _place(epoch, epochs)
    figure.add_shape(
        type="line", x0=epoch, x1=epoch, y0=0, y1=1, yref="paper", line=look, name=name,
        visible=visible,
    )  # fmt: skip
    figure.add_annotation(
        x=at, y=1, yref="paper", yanchor="bottom", yshift=2 + 20 * row, showarrow=False,
        xanchor="left" if at < middle else "right", text=f"{name} {epoch:,}", name=name,
        visible=visible,
        font={"color": colour, "size": 12},
    )  # fmt: skip


def _add_cursor(figure: go.Figure) -> None:
    """Add a hidden line, which the page shows at the epoch of the fit picture."""
    figure.add_shape(
        type="line", x0=1, x1=1, y0=0, y1=1, yref="paper", name=CURSOR, visible=False,
        line={"color": theme.INK, "width": 1.5, "dash": "dot"},
    )  # fmt: skip

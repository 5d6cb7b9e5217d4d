"""Train, validation and test loss (or accuracy) over the epochs, with best and stop marked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import Literal

import plotly.graph_objects as go

from backend.analysis.downsample import downsample
from backend.store.metrics import Series
from backend.views import finite
from frontend.figures import theme
from frontend.words import number

Quantity = Literal["loss", "accuracy"]
Scale = Literal["linear", "log"]

MAX_POINTS = 1000  # of each line, chosen so that no spike is lost: more a screen cannot show
FIRST_EPOCHS = 300  # drawn one by one: a logarithmic axis spreads them out
PARTS = ("train", "val", "test")
MARKS = {"best epoch": ("var(--mark-0)", "solid"), "early stop": ("var(--mark-1)", "dashdot")}


@dataclass(frozen=True)
class Line:
    """One part's values over the epochs that are drawn; None where a value is not finite."""

    part: str
    steps: Sequence[int]
    values: Sequence[float | None]


@dataclass(frozen=True)
class CurvesInfo:
    """What the chart of a run shows."""

    quantity: Quantity
    lines: Sequence[Line]
    best_epoch: int | None
    early_stop_epoch: int | None
    last_epoch: int

    @property
    def after_best(self) -> tuple[int, int] | None:
        """First and last epoch of the stretch after the best epoch, None if there is none."""
        if self.best_epoch is None or self.last_epoch <= self.best_epoch:
            return None
        return self.best_epoch, self.last_epoch

    @property
    def marks(self) -> dict[str, int]:
        """The epochs that are marked, each with its label."""
        found = {"best epoch": self.best_epoch, "early stop": self.early_stop_epoch}
        return {what: epoch for what, epoch in found.items() if epoch is not None}

    @property
    def description(self) -> str:
        """The chart in words, with the numbers a reader would take from it."""
        if not self.last_epoch:
            return "No epoch has been recorded yet."
        ends = ", ".join(
            f"{theme.LABELS[line.part].lower()} {number(line.values[-1])}"
            for line in self.lines
            if line.values
        )
        text = f"{self.quantity.capitalize()} after epoch {self.last_epoch:,}: {ends}."
        if self.best_epoch is not None:
            text += f" Best epoch: {self.best_epoch:,} (lowest validation loss)."
        if self.early_stop_epoch is not None:
            text += f" Early stopping fires at epoch {self.early_stop_epoch:,}."
        return text


def curves_info(
    quantity: Quantity,
    series: Mapping[str, Series],
    *,
    best_epoch: int | None = None,
    early_stop_epoch: int | None = None,
) -> CurvesInfo:
    """Return what to draw of a run's series, keyed as in the database: ``train_loss``, ..."""
    found = {part: series.get(f"{part}_{quantity}", Series([], [])) for part in PARTS}
    kept = {epoch for epoch in (best_epoch, early_stop_epoch) if epoch is not None}
    for one in found.values():
        kept.update(one.steps[index] for index in downsample(one.values, MAX_POINTS))
        kept.update(one.steps[:FIRST_EPOCHS])
    lines = [Line(part, *_at(one, kept)) for part, one in found.items()]
    last = max((one.steps[-1] for one in found.values() if one.steps), default=0)
    return CurvesInfo(quantity, lines, best_epoch, early_stop_epoch, last)


def _at(series: Series, kept: set[int]) -> tuple[list[int], list[float | None]]:
    points = zip(series.steps, map(finite, series.values), strict=True)
    drawn = [(step, value) for step, value in points if step in kept]
    return [step for step, _ in drawn], [value for _, value in drawn]


def draw_curves(
    info: CurvesInfo, *, scale: Scale = "linear", epochs: Scale = "linear"
) -> theme.Drawing:
    """Draw a run's curves; `scale` is that of the values, `epochs` that of the epochs."""
    figure = go.Figure(layout=_layout(info, scale, epochs))
    for line in info.lines:
        figure.add_scatter(
            x=line.steps,
            y=line.values,
            name=theme.LABELS[line.part],
            meta=f"{line.part}_{info.quantity}",
            uid=line.part,
            mode="lines+markers" if len(line.steps) == 1 else "lines",
            line={"color": theme.COLOURS[line.part], "dash": theme.DASHES[line.part], "width": 2},
            visible="legendonly" if line.part == "test" else True,
            hovertemplate="%{y:.4g}",
        )
    _shade(figure, info)
    for row, (what, epoch) in enumerate(info.marks.items()):
        _mark(
            figure,
            what,
            epoch,
            row=row,
            at=_place(epoch, epochs),
            end=_place(info.last_epoch, epochs),
        )
    return theme.drawing(figure, info.description)


def _layout(info: CurvesInfo, scale: Scale, epochs: Scale) -> go.Layout:
    layout = theme.layout(
        uirevision=f"{info.quantity} {scale} {epochs}",
        hovermode="x unified",
        margin={"l": 64, "r": 8, "t": 52, "b": 84},
    )
    layout.update(xaxis={"title": {"text": "epoch"}, "hoverformat": ",d", "type": epochs})
    if epochs == "linear":
        layout.update(xaxis={"rangemode": "tozero"})
    layout.update(yaxis={"title": {"text": info.quantity}, "type": scale})
    # fixed margins: measuring every label takes half the time in which a live curve is drawn
    layout.update(xaxis={"automargin": False}, yaxis={"automargin": False})
    if scale == "log":
        layout.update(yaxis={"exponentformat": "power"})
    elif info.quantity == "loss":
        layout.update(yaxis={"rangemode": "tozero"})
    return layout


def _shade(figure: go.Figure, info: CurvesInfo) -> None:
    if info.after_best is None:
        return
    start, end = info.after_best
    figure.add_shape(
        type="rect", x0=start, x1=end, y0=0, y1=1, yref="paper", name="after the best epoch",
        fillcolor="var(--shade)", line={"width": 0}, layer="below",
    )  # fmt: skip


def _place(epoch: int, epochs: Scale) -> float:
    """Return where annotations want an epoch: on a logarithmic axis, its logarithm."""
    return log10(epoch) if epochs == "log" else epoch


def _mark(figure: go.Figure, what: str, epoch: int, *, row: int, at: float, end: float) -> None:
    """Draw a vertical line with its label above the plot; each mark has a row of its own."""
    colour, dash = MARKS[what]
    look = {"color": colour, "dash": dash, "width": 1.5}
    figure.add_shape(
        type="line", x0=epoch, x1=epoch, y0=0, y1=1, yref="paper", line=look, name=what
    )
    figure.add_annotation(
        x=at, y=1, yref="paper", yanchor="bottom", yshift=2 + 20 * row, showarrow=False,
        xanchor="left" if 2 * at < end else "right", text=f"{what} {epoch:,}", name=what,
        font={"color": colour, "size": 12},
    )  # fmt: skip

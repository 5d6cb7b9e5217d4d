"""Train, validation and test loss (or accuracy) over the epochs, with best and stop marked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import plotly.graph_objects as go

from backend.store.metrics import Series
from frontend.figures import theme
from frontend.words import number

Quantity = Literal["loss", "accuracy"]
Scale = Literal["linear", "log"]

MAX_BUCKETS = 400  # of each the lowest and highest epoch are drawn: more a screen cannot show
PARTS = ("train", "val", "test")


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
    def description(self) -> str:
        """The chart in words, with the numbers a reader would take from it."""
        if not self.last_epoch:
            return "No epoch has been recorded yet."
        ends = ", ".join(
            f"{theme.LABELS[line.part].lower()} {number(line.values[-1])}" for line in self.lines
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
    marks = {epoch for epoch in (best_epoch, early_stop_epoch) if epoch is not None}
    kept = _drawn_steps(list(found.values()), marks)
    lines = [Line(part, *_at(one, kept)) for part, one in found.items() if one.steps]
    last = max((one.steps[-1] for one in found.values() if one.steps), default=0)
    return CurvesInfo(quantity, lines, best_epoch, early_stop_epoch, last)


def _drawn_steps(all_series: Sequence[Series], marks: set[int]) -> set[int]:
    """Return the steps to draw: all of a short curve, else each bucket's extremes and the ends."""
    kept = set(marks)
    for series in all_series:
        size = -(-len(series.steps) // MAX_BUCKETS) if series.steps else 1
        points = list(zip(series.steps, series.values, strict=True))
        if size <= 2:
            kept.update(series.steps)
            continue
        kept.update((series.steps[0], series.steps[-1]))
        for start in range(0, len(points), size):
            bucket = points[start : start + size]
            finite = [point for point in bucket if point[1] is not None] or [bucket[0]]
            kept.add(min(finite, key=_value)[0])
            kept.add(max(finite, key=_value)[0])
    return kept


def _value(point: tuple[int, float | None]) -> float:
    return point[1] or 0.0


def _at(series: Series, kept: set[int]) -> tuple[list[int], list[float | None]]:
    points = [
        (step, value)
        for step, value in zip(series.steps, series.values, strict=True)
        if step in kept
    ]
    return [step for step, _ in points], [value for _, value in points]


def draw_curves(info: CurvesInfo, *, scale: Scale = "linear") -> theme.Drawing:
    """Draw a run's curves."""
    figure = go.Figure(layout=_layout(info, scale))
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
    _mark(figure, info.best_epoch, "best epoch", row=0, last=info.last_epoch)
    _mark(figure, info.early_stop_epoch, "early stop", row=1, last=info.last_epoch)
    return theme.drawing(figure, info.description)


def _layout(info: CurvesInfo, scale: Scale) -> go.Layout:
    layout = theme.layout(
        uirevision=f"{info.quantity} {scale}",
        hovermode="x unified",
        margin={"l": 8, "r": 8, "t": 52, "b": 8},
    )
    layout.update(xaxis={"title": {"text": "epoch"}, "hoverformat": ",d", "rangemode": "tozero"})
    layout.update(yaxis={"title": {"text": info.quantity}, "type": scale})
    if scale == "log":
        layout.update(yaxis={"exponentformat": "power", "dtick": 1})
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


def _mark(figure: go.Figure, epoch: int | None, what: str, *, row: int, last: int) -> None:
    """Draw a vertical line with its label above the plot; each mark has a row of its own."""
    if epoch is None:
        return
    look: dict[str, Any] = {"color": f"var(--mark-{row})", "width": 1.5}
    look["dash"] = ("solid", "dashdot")[row]
    figure.add_shape(
        type="line", x0=epoch, x1=epoch, y0=0, y1=1, yref="paper", line=look, name=what
    )
    figure.add_annotation(
        x=epoch, y=1, yref="paper", yanchor="bottom", yshift=2 + 20 * row, showarrow=False,
        xanchor="left" if 2 * epoch < last else "right", text=f"{what} {epoch:,}", name=what,
        font={"color": f"var(--mark-{row})", "size": 12},
    )  # fmt: skip

"""Curves of several runs or cells in one chart per part, with one colour per subject."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from itertools import pairwise
from math import log10
from statistics import fmean
from typing import Literal

import numpy as np
import plotly.graph_objects as go
from sqlalchemy.orm import Session

from backend import work_budget
from backend.analysis.cells import SEED
from backend.runs.compare_runs import Subject, differing
from backend.series import Series, downsample
from backend.store import metrics
from frontend import formatting
from frontend.chart_options import AxisScale
from frontend.charts import theme
from frontend.charts.loss_curves import Quantity

Part = Literal["train", "val", "test"]
Align = Literal["epoch", "step", "time"]

AXES: dict[Align, str] = {
    "epoch": "epoch",
    "step": "optimiser step",
    "time": "seconds since the start",
}
COLOURS = 8  # tokens --series-0 to --series-7
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "triangle-down")
MAX_POINTS = 600  # per line
MARKERS = 9  # per line, which distinguish lines without colour


@dataclass(frozen=True)
class OverlayLine:
    """The line of a subject: for a cell, the mean over its seeds between `low` and `high`."""

    title: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None


@dataclass(frozen=True)
class OverlayInfo:
    """The chart of one part: its curves, and the range of all charts that are shown together."""

    part: Part
    quantity: Quantity
    align: Align
    curves: Sequence[OverlayLine]
    span: tuple[float, float] | None

    @property
    def description(self) -> str:
        """The chart as text."""
        drawn = [curve for curve in self.curves if curve.y]
        title = f"{theme.LABELS[self.part]} {self.quantity}"
        if not drawn:
            return f"{title}: no epoch has been recorded yet."
        ends = "; ".join(
            f"{curve.title} ends at {formatting.number(curve.y[-1])}" for curve in drawn
        )
        band = " Bands reach from the lowest to the highest seed." if _banded(drawn) else ""
        return f"{title} by {AXES[self.align]}: {ends}.{band}"


def overlay_info(
    session: Session,
    subjects: Sequence[Subject],
    part: Part,
    *,
    shown: Sequence[Part],
    quantity: Quantity = "loss",
    align: Align = "epoch",
) -> OverlayInfo:
    """Return the curves of a part; the range is that of all parts in `shown`."""
    keys = [f"{shown_part}_{quantity}" for shown_part in shown]
    ids = [run.id for subject in subjects for run in subject.runs]
    series = metrics.curves_of(session, ids, keys)
    times = metrics.recorded(session, ids, f"{part}_{quantity}") if align == "time" else {}
    key = f"{part}_{quantity}"
    curves = [
        replace(_curve(subject, series, key, align, times), title=title)
        for subject, title in zip(subjects, titles(subjects), strict=True)
    ]
    return OverlayInfo(part, quantity, align, curves, _span(series))


def titles(subjects: Sequence[Subject]) -> list[str]:
    """Name subjects with up to two settings in which they differ: "Run 7 (width 8)"."""
    ignored = {SEED} if any(subject.is_cell for subject in subjects) else set()
    rows = [item for item in differing(subjects).items() if item[0] not in ignored][:2]
    names = []
    for place, subject in enumerate(subjects):
        settings = ", ".join(
            f"{formatting.label(path)} {formatting.value(row[place], path)}" for path, row in rows
        )
        names.append(f"{subject.title} ({settings})" if settings else subject.title)
    return names


def _curve(
    subject: Subject,
    series: Mapping[int, Mapping[str, Series]],
    key: str,
    align: Align,
    times: Mapping[int, Sequence[tuple[int, int]]],
) -> OverlayLine:
    runs = [run for run in subject.runs if len(series[run.id][key])]
    if not runs:
        return OverlayLine(subject.title, [], [])
    finite = [series[run.id][key].finite for run in runs]
    common = reduce(np.intersect1d, (line.steps for line in finite))
    values = np.stack([line.values_at(common) for line in finite])  # [runs, epochs]
    means = values.mean(axis=0)
    indices = downsample(means, MAX_POINTS)
    epochs = common[indices].tolist()
    if align == "time":
        clocks = [_clock(run.started_at, times[run.id]) for run in runs]
        x = [fmean(_at(clock, epoch) for clock in clocks) for epoch in epochs]
    else:
        x = [float(e * (subject.steps_per_epoch if align == "step" else 1)) for e in epochs]
    drawn = means[indices].tolist()
    if len(runs) == 1:
        return OverlayLine(subject.title, x, drawn)
    low, high = values[:, indices].min(axis=0), values[:, indices].max(axis=0)
    return OverlayLine(subject.title, x, drawn, low.tolist(), high.tolist())


Clock = list[tuple[int, float]]


def _clock(started_at: str | None, recorded: Sequence[tuple[int, int]]) -> Clock:
    """Return (epoch, seconds since the start) from the times at which epochs were recorded.

    Epochs between two writes are taken to be equally long.
    """
    start = datetime.fromisoformat(started_at).timestamp() * 1000 if started_at else 0.0
    if not start or start > recorded[0][1]:  # the worker's clock may not be the database's
        start = float(recorded[0][1])
    return [(0, 0.0), *((step, (at - start) / 1000) for step, at in recorded)]


def _at(clock: Clock, epoch: int) -> float:
    for (step, at), (following, then) in pairwise(clock):
        if epoch <= following:
            return at + (then - at) * (epoch - step) / max(1, following - step)
    return clock[-1][1]


def _span(series: Mapping[int, Mapping[str, Series]]) -> tuple[float, float] | None:
    finite = [line.finite.values for by_key in series.values() for line in by_key.values()]
    values = np.concatenate([np.array([]), *finite])
    return (float(values.min()), float(values.max())) if len(values) else None


def _banded(curves: Sequence[OverlayLine]) -> bool:
    return any(curve.low is not None for curve in curves)


def draw_overlay(info: OverlayInfo, *, scale: AxisScale = "linear") -> theme.Drawing:
    """Draw a part's curves: dashed as the part is everywhere, coloured by subject."""
    figure = go.Figure(layout=_layout(info, scale))
    for place, curve in enumerate(info.curves):
        work_budget.check()
        colour = f"var(--series-{place % COLOURS})"
        if curve.low is not None and curve.high is not None:
            figure.add_scatter(
                x=[*curve.x, *reversed(curve.x)], y=[*curve.high, *reversed(curve.low)],
                fill="toself", fillcolor=f"var(--series-band-{place % COLOURS})", mode="lines",
                line={"width": 0, "color": theme.CLEAR}, hoverinfo="skip", showlegend=False,
                legendgroup=curve.title, name=f"{curve.title}, range",
            )  # fmt: skip
        figure.add_scatter(
            x=curve.x, y=curve.y, name=curve.title, legendgroup=curve.title,
            mode="lines+markers", hovertemplate="%{y:.4g}",
            line={"color": colour, "dash": theme.DASHES[info.part], "width": 2},
            marker={"symbol": SYMBOLS[place % len(SYMBOLS)], "size": 8, "maxdisplayed": MARKERS},
        )  # fmt: skip
    return theme.drawing(figure, info.description)


def _layout(info: OverlayInfo, scale: AxisScale) -> go.Layout:
    layout = theme.layout(
        uirevision=f"overlay {info.quantity} {info.align} {scale}", hovermode="x unified"
    )
    layout.update(xaxis={"title": {"text": AXES[info.align]}, "rangemode": "tozero"})
    layout.update(yaxis={"title": {"text": info.quantity}, "type": scale})
    if info.span is None:
        return layout
    low, high = info.span
    if scale == "linear":
        layout.update(yaxis={"range": [min(0.0, low), high + 0.04 * (high - min(0.0, low))]})
    elif low > 0:
        layout.update(yaxis={"range": [log10(low) - 0.05, log10(high) + 0.05]})
    return layout

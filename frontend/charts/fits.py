"""Fit of a model over its data: a curve, shades of values, or regions of classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from safetensors.numpy import load

from backend.runs.fit_frames import Frames
from backend.series import Series
from frontend.charts import theme
from frontend.formatting import number

Float32Array = NDArray[np.float32]
FrameValues = Sequence[float | None] | Sequence[Sequence[float | None]]
FIT = "fit"  # `meta` of the traces of the fitted function, which the player replaces


@dataclass(frozen=True)
class FitInfo:
    """A fitted function and the data it is drawn over, in raw units.

    One input: `x` [G] and `prediction` [G]. Two inputs: `x` [gx], `y` [gy] and `prediction`
    [gy, gx], a value or the probability of class 1. `mislabelled` is None for regression.
    """

    epoch: int
    x: Float32Array
    prediction: Float32Array
    y: Float32Array | None
    train_x: Float32Array
    train_y: Float32Array
    mislabelled: NDArray[np.bool_] | None
    validation_x: Float32Array
    validation_y: Float32Array

    @property
    def description(self) -> str:
        """The chart as text."""
        kind = "Decision regions" if self.mislabelled is not None else "Fitted values"
        kind = "Fitted curve" if self.y is None else kind
        wrong = 0 if self.mislabelled is None else int(self.mislabelled.sum())
        labels = f", {wrong:,} of them with a wrong label" if wrong else ""
        return (
            f"{kind} after epoch {self.epoch:,}, over {len(self.train_x):,} train points{labels} "
            f"and {len(self.validation_x):,} validation points."
        )


def fit_info(epoch: int, fit: bytes, samples: bytes) -> FitInfo:
    """Return the fit of a snapshot over the samples of its run, both as safetensors."""
    drawn = load(fit)
    prediction = drawn["prediction" if "prediction" in drawn else "probability"]
    return over_samples(epoch, drawn["x"], drawn.get("y"), prediction, samples)


def over_samples(
    epoch: int, x: Float32Array, y: Float32Array | None, prediction: Float32Array, samples: bytes
) -> FitInfo:
    """Return a fitted function over the samples of its run (safetensors)."""
    data = load(samples)
    return FitInfo(
        epoch=epoch,
        x=x,
        prediction=prediction,
        y=y,
        train_x=data["train_x"],
        train_y=data["train_y"],
        mislabelled=data["train_mislabelled"].astype(bool) if "train_mislabelled" in data else None,
        validation_x=data["validation_x"],
        validation_y=data["validation_y"],
    )


def draw_fit(info: FitInfo) -> theme.Drawing:
    """Draw a fit over its data."""
    if info.y is None:
        figure = _curve(info)
    elif info.mislabelled is None:
        figure = _surface(info, info.y)
    else:
        figure = _regions(info, info.y, info.mislabelled)
    return theme.drawing(figure, info.description)


def _curve(info: FitInfo) -> go.Figure:
    figure = go.Figure(layout=theme.layout(uirevision="fit"))
    figure.update_xaxes(title_text="x", range=_span(info.train_x, info.validation_x))
    figure.update_yaxes(title_text="y", range=_span(info.train_y, info.validation_y))
    figure.add_scatter(
        x=info.validation_x[:, 0], y=info.validation_y.ravel(), name="Validation",
        mode="markers", marker=_open_dot("var(--validation)"), hovertemplate=_XY,
    )  # fmt: skip
    figure.add_scatter(
        x=info.x, y=info.prediction, name="Fitted curve", mode="lines", hovertemplate=_XY,
        line={"color": "var(--ink)", "width": 2.5}, meta=FIT,
    )  # fmt: skip
    figure.add_scatter(
        x=info.train_x[:, 0], y=info.train_y.ravel(), name="Train", mode="markers",
        marker={"color": "var(--train)", "size": 11, "line": {"color": theme.PAPER, "width": 1.5}},
        hovertemplate=_XY,
    )  # fmt: skip
    return figure


_XY = "(%{x:.3g}, %{y:.3g})"
_CLASSES = ("var(--class-0)", "var(--class-1)")


def _plane(info: FitInfo, y: Float32Array) -> go.Figure:
    figure = go.Figure(layout=theme.layout(uirevision="fit"))
    figure.update_xaxes(showgrid=False, range=_edges(info.x))
    figure.update_yaxes(showgrid=False, range=_edges(y), scaleanchor="x", constrain="domain")
    figure.update_xaxes(constrain="domain")
    return figure


def _surface(info: FitInfo, y: Float32Array) -> go.Figure:
    """Draw fitted values as shades. A sample with a different value stands out."""
    figure = _plane(info, y)
    low, high = _span(info.train_y, info.validation_y)
    scale = {"zmin": low, "zmax": high, "colorscale": _SHADES}
    figure.add_heatmap(
        x=info.x, y=y, z=info.prediction.astype(np.float32), **scale, zsmooth="best",
        name="Fitted value", hovertemplate="fitted value: %{z:.3g}<extra></extra>", meta=FIT,
        colorbar={"thickness": 12, "outlinewidth": 0, "title": {"text": "value"}},
    )  # fmt: skip
    parts = (
        ("Validation", "circle-open", 7, info.validation_x, info.validation_y),
        ("Train", "circle", 9, info.train_x, info.train_y),
    )
    for name, symbol, size, x, values in parts:
        figure.add_scatter(
            x=x[:, 0], y=x[:, 1], mode="markers", name=name, text=values.ravel(),
            hovertemplate="value: %{text:.3g}",
            marker={"symbol": symbol, "size": size, "color": values.ravel(), "cmin": low,
                    "cmax": high, "colorscale": _STRONG_SHADES,
                    "line": {"color": theme.PAPER, "width": 1 if symbol == "circle" else 2}},
        )  # fmt: skip
    return figure


_SHADES = [[0, "var(--region-0)"], [0.5, "var(--region-between)"], [1, "var(--region-1)"]]
_STRONG_SHADES = [[0, "var(--class-0)"], [0.5, "var(--quiet)"], [1, "var(--class-1)"]]


def _regions(info: FitInfo, y: Float32Array, mislabelled: NDArray[np.bool_]) -> go.Figure:
    figure = _plane(info, y)
    figure.add_heatmap(
        x=info.x, y=y, z=info.prediction.astype(np.float32).round(3), zmin=0, zmax=1,
        colorscale=_SHADES, showscale=False, zsmooth="best", name="Probability of class 1",
        hovertemplate="probability of class 1: %{z:.0%}<extra></extra>", meta=FIT,
    )  # fmt: skip
    figure.add_contour(
        x=info.x, y=y, z=info.prediction.astype(np.float32), showscale=False,
        contours={"start": 0.5, "end": 0.5, "size": 1, "coloring": "none"},
        line={"color": theme.INK, "width": 1.5}, name="Boundary", hoverinfo="skip",
        showlegend=False, meta=FIT,
    )  # fmt: skip
    for label, colour in enumerate(_CLASSES):
        _class_points(figure, info, label, colour)
    _wrong_labels(figure, info.train_x[mislabelled])
    return figure


def _class_points(figure: go.Figure, info: FitInfo, label: int, colour: str) -> None:
    """Draw train points filled and validation points open. The classes differ in shape, too."""
    symbol = ("circle", "diamond")[label]
    validation = info.validation_x[info.validation_y == label]
    train = info.train_x[info.train_y == label]
    figure.add_scatter(
        x=validation[:, 0], y=validation[:, 1], mode="markers", name=f"Validation, class {label}",
        marker=_open_dot(colour, symbol, opacity=0.4), hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(
        x=train[:, 0], y=train[:, 1], mode="markers", name=f"Train, class {label}",
        marker={
            "color": colour, "size": 8, "symbol": symbol,
            "line": {"color": theme.PAPER, "width": 1},
        },
        hovertemplate=_XY,
    )  # fmt: skip


def _wrong_labels(figure: go.Figure, wrong: Float32Array) -> None:
    if not len(wrong):
        return
    figure.add_scatter(
        x=wrong[:, 0], y=wrong[:, 1], mode="markers", name="Wrong label", hoverinfo="skip",
        marker={"symbol": "x-thin", "size": 9, "line": {"color": theme.INK, "width": 1.5}},
    )  # fmt: skip


def _open_dot(colour: str, symbol: str = "circle", *, opacity: float = 0.65) -> dict[str, object]:
    return {"symbol": f"{symbol}-open", "color": colour, "size": 6, "opacity": opacity}


def _span(*arrays: Float32Array) -> list[float]:
    """Return the range of the data with a margin. The fitted curve may leave it."""
    low = min(float(array.min()) for array in arrays)
    high = max(float(array.max()) for array in arrays)
    margin = 0.06 * (high - low or 1)
    return [low - margin, high + margin]


def _edges(axis: Float32Array) -> list[float]:
    return [float(axis[0]), float(axis[-1])]


@dataclass(frozen=True)
class FitFramesInfo:
    """The fit at the last recorded epoch, and values and description of each epoch.

    The values of an epoch are a list over `x`, or for two inputs a list of rows over `x`.
    """

    last: FitInfo
    epochs: Sequence[int]
    values: Sequence[FrameValues]
    descriptions: Sequence[str]


def fit_frames_info(frames: Frames, samples: bytes, losses: Mapping[str, Series]) -> FitFramesInfo:
    """Return the frames of a run for the slider. `losses` has train_loss and val_loss."""
    x, width = np.array(frames.x, np.float32), len(frames.x)
    y = None if frames.y is None else np.array(frames.y, np.float32)
    values: Sequence[FrameValues] = (
        frames.values
        if y is None
        else [
            [flat[start : start + width] for start in range(0, len(flat), width)]
            for flat in frames.values
        ]
    )
    last = over_samples(frames.epochs[-1], x, y, np.array(values[-1], np.float32), samples)
    train, validation = losses["train_loss"], losses["val_loss"]
    descriptions = [
        f"{replace(last, epoch=epoch).description} Train loss {number(train.at(epoch))}, "
        f"validation loss {number(validation.at(epoch))}."
        for epoch in frames.epochs
    ]
    return FitFramesInfo(last, frames.epochs, values, descriptions)


def draw_fit_frames(info: FitFramesInfo) -> theme.Drawing:
    """Draw the last fit, with `frames` for the slider."""
    replaced = "y" if info.last.y is None else "z"  # attribute of the traces with meta FIT
    frames = {"epochs": info.epochs, replaced: info.values, "words": info.descriptions}
    return {**draw_fit(info.last), "frames": frames}

"""Distribution of a model's weights in each layer, at its best and last epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray
from plotly.subplots import make_subplots
from safetensors.numpy import load

from frontend.charts import theme
from frontend.formatting import number

MIN_BINS, MAX_BINS = 10, 48  # a layer with few weights has few bins
NOT_TRAINED = "hidden.weight"  # the random features, which keep their initial weights
LOOKS = {"best": ("var(--mark-0)", "solid"), "last": (theme.INK, "dash")}
ROW_GAP = 0.36  # between rows, as a share of the height of a row

Weights = NDArray[np.floating]


@dataclass(frozen=True)
class LayerWeights:
    """The weights of a layer: their share per bin and their standard deviation, for each epoch."""

    name: str
    middles: Sequence[float]
    shares: Sequence[Sequence[float]]
    spreads: Sequence[float]


@dataclass(frozen=True)
class WeightsInfo:
    """The layers from input to output. `epochs` are the snapshots as (kind, epoch)."""

    epochs: Sequence[tuple[str, int]]
    layers: Sequence[LayerWeights]

    @property
    def description(self) -> str:
        """The chart as text, with the standard deviation of each layer."""
        if not self.layers:
            return "No weight is a finite number."
        when = " and ".join(f"the {kind} epoch ({epoch:,})" for kind, epoch in self.epochs)
        spreads = "; ".join(
            f"{layer.name} {' and '.join(map(number, layer.spreads))}" for layer in self.layers
        )
        return f"Weights at {when}. Their standard deviation: {spreads}."


def weights_info(snapshots: Sequence[tuple[str, int, bytes]]) -> WeightsInfo:
    """Return the weights of snapshots (kind, epoch, safetensors), of one snapshot per epoch."""
    by_epoch = {epoch: (kind, epoch, data) for kind, epoch, data in reversed(snapshots)}
    distinct = list(by_epoch.values())[::-1]
    tensors = [_trained(load(data)) for *_, data in distinct]
    layers = [_layer(name, [snapshot[name] for snapshot in tensors]) for name in _named(tensors)]
    return WeightsInfo([(kind, epoch) for kind, epoch, _ in distinct], layers)


def _trained(tensors: Mapping[str, Weights]) -> dict[str, Weights]:
    """Return the finite weights of each layer as a vector, without biases and normalisation."""
    matrices = sorted(
        (name for name, tensor in tensors.items() if tensor.ndim > 1 and name != NOT_TRAINED),
        key=lambda name: (len(name), name),  # 4.weight before 12.weight
    )
    hidden = (f"layer {place}" for place in count(1))
    *before, last = matrices
    names = [*(next(hidden) for _ in before), last if last == "coefficients" else "output"]
    flat = {name: tensors[key].reshape(-1) for name, key in zip(names, matrices, strict=True)}
    return {name: values[np.isfinite(values)] for name, values in flat.items()}


def _named(tensors: Sequence[Mapping[str, Weights]]) -> list[str]:
    return [name for name in tensors[0] if all(snapshot[name].size for snapshot in tensors)]


def _layer(name: str, values: Sequence[Weights]) -> LayerWeights:
    bins = min(MAX_BINS, max(MIN_BINS, values[0].size // 4))
    edges = np.histogram_bin_edges(np.concatenate(values), bins)
    shares = [np.histogram(weights, edges)[0] / weights.size for weights in values]
    middles = (edges[1:] + edges[:-1]) / 2
    return LayerWeights(
        name,
        [float(f"{middle:.4g}") for middle in middles],
        [share.round(5).tolist() for share in shares],
        [float(weights.std()) for weights in values],
    )


def draw_weights(info: WeightsInfo) -> theme.Drawing:
    """Draw each layer as a row with the distribution of its weights at each epoch."""
    rows = len(info.layers)
    if not rows:
        return theme.nothing(info.description)
    spacing = ROW_GAP / (rows + (rows - 1) * ROW_GAP)
    figure = make_subplots(rows=rows, cols=1, vertical_spacing=spacing)
    layout = theme.layout(uirevision="weights", hovermode="x unified")
    figure.update_layout(layout)
    figure.update_xaxes(layout.xaxis.to_plotly_json() | {"zeroline": True, "nticks": 8})
    figure.update_yaxes(layout.yaxis.to_plotly_json() | {"nticks": 3, "tickformat": ".0%"})
    for row, layer in enumerate(info.layers, 1):
        figure.update_yaxes(title_text=layer.name, row=row)
        for (kind, epoch), shares in zip(info.epochs, layer.shares, strict=True):
            figure.add_scatter(
                row=row, col=1, x=layer.middles, y=shares, **_look(kind), showlegend=False,
                name=f"{layer.name}, epoch {epoch:,}", hovertemplate="%{y:.1%} of the weights",
            )  # fmt: skip
    for kind, epoch in info.epochs:  # entries of the legend, which are the same for all rows
        name = f"{kind.capitalize()} epoch, {epoch:,}"
        figure.add_scatter(x=[None], y=[None], **_look(kind), name=name, hoverinfo="skip")
    return theme.drawing(figure, info.description)


def _look(kind: str) -> dict[str, object]:
    colour, dash = LOOKS[kind]
    line = {"color": colour, "dash": dash, "width": 1.8, "shape": "hvh"}
    return {"legendgroup": kind, "mode": "lines", "line": line}

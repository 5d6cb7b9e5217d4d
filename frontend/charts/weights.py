"""How a model's weights are spread, layer by layer, at its best and at its last epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray
from plotly.subplots import make_subplots
from safetensors.numpy import load

from frontend.charts import theme
from frontend.formatting import number

BINS = 10, 48  # at least, and at most: fewer where there are few weights
NOT_TRAINED = "hidden.weight"  # of random features: drawn once
LOOKS = {"best": ("var(--mark-0)", "solid"), "last": (theme.INK, "dash")}
BETWEEN = 0.36  # rows, as a share of the height of one

Weights = NDArray[np.floating]


@dataclass(frozen=True)
class LayerWeights:
    """A layer's weights: the share of them in each bin, and their standard deviation, by epoch."""

    name: str
    middles: Sequence[float]
    shares: Sequence[Sequence[float]]
    spreads: Sequence[float]


@dataclass(frozen=True)
class WeightsInfo:
    """The layers from the inputs to the outputs, at each of `epochs` (kind, epoch)."""

    epochs: Sequence[tuple[str, int]]
    layers: Sequence[LayerWeights]

    @property
    def description(self) -> str:
        """The picture in words: how far the weights reach, and whether they grew."""
        if not self.layers:
            return "No weight is a finite number."
        when = " and ".join(f"the {kind} epoch ({epoch:,})" for kind, epoch in self.epochs)
        spreads = "; ".join(
            f"{layer.name} {' and '.join(map(number, layer.spreads))}" for layer in self.layers
        )
        return f"Weights at {when}. Their standard deviation: {spreads}."


def weights_info(snapshots: Sequence[tuple[str, int, bytes]]) -> WeightsInfo:
    """Return what snapshots (kind, epoch, safetensors) hold; of one epoch, the first of them."""
    kept = list({epoch: (kind, epoch, data) for kind, epoch, data in reversed(snapshots)}.values())
    kept.reverse()
    tensors = [_trained(load(data)) for *_, data in kept]
    layers = [_layer(name, [each[name] for each in tensors]) for name in _named(tensors)]
    return WeightsInfo([(kind, epoch) for kind, epoch, _ in kept], layers)


def _trained(tensors: Mapping[str, Weights]) -> dict[str, Weights]:
    """Return the finite weights of each layer, flat; biases and normalisation are none."""
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
    return [name for name in tensors[0] if all(each[name].size for each in tensors)]


def _layer(name: str, values: Sequence[Weights]) -> LayerWeights:
    least, most = BINS
    bins = min(most, max(least, values[0].size // 4))
    edges = np.histogram_bin_edges(np.concatenate(values), bins)
    shares = [np.histogram(each, edges)[0] / each.size for each in values]
    middles = (edges[1:] + edges[:-1]) / 2
    return LayerWeights(
        name,
        [float(f"{middle:.4g}") for middle in middles],
        [share.round(5).tolist() for share in shares],
        [float(each.std()) for each in values],
    )


def draw_weights(info: WeightsInfo) -> theme.Drawing:
    """Draw each layer as a row: how many of its weights have which value, at each epoch."""
    rows = len(info.layers)
    if not rows:
        return theme.nothing(info.description)
    spacing = BETWEEN / (rows + (rows - 1) * BETWEEN)
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
    for kind, epoch in info.epochs:  # what the legend shows, for all rows
        name = f"{kind.capitalize()} epoch, {epoch:,}"
        figure.add_scatter(x=[None], y=[None], **_look(kind), name=name, hoverinfo="skip")
    return theme.drawing(figure, info.description)


def _look(kind: str) -> dict[str, object]:
    colour, dash = LOOKS[kind]
    line = {"color": colour, "dash": dash, "width": 1.8, "shape": "hvh"}
    return {"legendgroup": kind, "mode": "lines", "line": line}

"""Single models: their initial weights, which depend on the seed alone, and their predictions."""

import math
from collections.abc import Callable, Mapping
from functools import reduce
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from backend.datasets.streams import Purpose
from backend.specification.cost import layer_sizes, outputs, polynomial_terms
from backend.specification.run_spec import RunSpec
from backend.specification.sources import SOURCES
from worker.training import feature_maps
from worker.training.random_draws import reseed

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "gelu": functional.gelu,
    "sigmoid": torch.sigmoid,
    "linear": lambda x: x,
}


def initial(spec: RunSpec) -> dict[str, Tensor]:
    """Return a run's initial weights by name, as torch.nn.Sequential would name them.

    They are drawn on the CPU in float32, so that neither device nor precision makes a difference.
    Weights and biases are uniform within 1/sqrt(inputs), as in nn.Linear. Polynomials start at 0.
    """
    model, params = spec.model, spec.params()
    if model.family == "polynomial":
        shape = outputs(spec.dataset.source), polynomial_terms(params)
        return {"coefficients": torch.zeros(shape)}
    generator = reseed(torch.Generator(), spec.training.seed, Purpose.WEIGHTS)
    if model.family == "cnn":
        return _convolutional(params, generator)
    weights: dict[str, Tensor] = {}
    sizes, position = layer_sizes(params), 0
    for layer, (n_in, n_out) in enumerate(pairwise(sizes)):
        weights |= _drawn(position, (n_out, n_in), generator)
        position += 1
        if model.normalisation in ("batch", "layer") and layer < len(sizes) - 2:
            weights |= _norm(position, n_out, batch=model.normalisation == "batch")
            position += 1
        position += 1
    return weights


def _convolutional(params: Mapping[str, Any], generator: torch.Generator) -> dict[str, Tensor]:
    source, channels = SOURCES[params["dataset.source"]], params["model.channels"]
    weights: dict[str, Tensor] = {}
    n_in, position = 1, 1  # module 0 reshapes rows of pixels to images
    for _ in range(params["model.depth"]):
        weights |= _drawn(position, (channels, n_in, 3, 3), generator)
        n_in, position = channels, position + 3
    left = (source.side or 0) >> params["model.depth"]
    return weights | _drawn(position + 1, (source.outputs, channels * left**2), generator)


def _drawn(position: int, shape: tuple[int, ...], generator: torch.Generator) -> dict[str, Tensor]:
    bound = 1 / math.sqrt(math.prod(shape[1:]))
    return {
        f"{position}.{name}": drawn.uniform_(-bound, bound, generator=generator)
        for name, drawn in (("weight", torch.empty(shape)), ("bias", torch.empty(shape[0])))
    }


def _norm(position: int, units: int, *, batch: bool) -> dict[str, Tensor]:
    ones, zeros = torch.ones(units), torch.zeros(units)
    weights = {f"{position}.weight": ones, f"{position}.bias": zeros}
    if batch:
        weights |= {f"{position}.running_mean": zeros, f"{position}.running_var": ones}
    return weights


def predict(spec: RunSpec, weights: Mapping[str, Tensor], features: Tensor) -> Tensor:
    """Return a model's outputs [n, outputs] for features [n, inputs] (see GroupMember.features)."""
    # closed-form models have fitted weights in float64 and drawn weights in float32
    precision = reduce(torch.promote_types, (value.dtype for value in weights.values()))
    features = features.to(precision)
    if "coefficients" in weights:
        return features @ weights["coefficients"].T
    if "output.weight" in weights:
        output = weights["output.weight"]
        return feature_maps.random_features(weights, features) @ output.T
    if spec.model.family == "cnn":
        return _see(spec, weights, features)
    positions = sorted({int(name.split(".")[0]) for name in weights})
    h = features
    for at in positions:
        h = _layer(h, {name: w for name, w in weights.items() if name.startswith(f"{at}.")}, at)
        if at + 1 not in positions and at != positions[-1]:
            h = ACTIVATIONS[spec.model.activation or "relu"](h)
    return h


def _layer(h: Tensor, weights: Mapping[str, Tensor], at: int) -> Tensor:
    weight, bias = weights[f"{at}.weight"], weights[f"{at}.bias"]
    if weight.dim() == 2:
        return functional.linear(h, weight, bias)
    if f"{at}.running_mean" not in weights:
        return functional.layer_norm(h, h.shape[1:], weight, bias)
    mean, variance = weights[f"{at}.running_mean"], weights[f"{at}.running_var"]
    return functional.batch_norm(h, mean, variance, weight, bias)


def _see(spec: RunSpec, weights: Mapping[str, Tensor], pixels: Tensor) -> Tensor:
    side = SOURCES[spec.dataset.source].side or 0
    h, position = pixels.view(-1, 1, side, side), 1
    for _ in range(spec.model.depth or 0):
        h = functional.conv2d(
            h, weights[f"{position}.weight"], weights[f"{position}.bias"], padding=1
        )
        h = functional.max_pool2d(ACTIVATIONS[spec.model.activation or "relu"](h), 2)
        position += 3
    last = weights[f"{position + 1}.weight"], weights[f"{position + 1}.bias"]
    return functional.linear(h.flatten(1), *last)

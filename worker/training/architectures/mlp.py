"""Fully-connected networks, with weights named as torch.nn.Sequential would name them."""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from backend.datasets.random_streams import Purpose
from backend.specification import RunSpec
from backend.specification.families.mlp import layer_sizes
from worker.training import perceptron
from worker.training.architectures.architecture import Architecture, GradientTraining, ModelWeights
from worker.training.random_draws import reseed
from worker.training.stack import Stack

if TYPE_CHECKING:
    from worker.training.member import GroupMember

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "gelu": functional.gelu,
    "sigmoid": torch.sigmoid,
    "linear": lambda x: x,
}


def weight_generator(spec: RunSpec) -> torch.Generator:
    """Return the generator of the initial weights.

    It is on the CPU, so that neither device nor precision makes a difference.
    """
    return reseed(torch.Generator(), spec.training.seed, Purpose.WEIGHTS)


def draw_layer(
    position: int, shape: tuple[int, ...], generator: torch.Generator
) -> dict[str, Tensor]:
    """Draw the weight and the bias of a layer uniformly within 1/sqrt(inputs), as nn.Linear."""
    bound = 1 / math.sqrt(math.prod(shape[1:]))
    return {
        f"{position}.{name}": drawn.uniform_(-bound, bound, generator=generator)
        for name, drawn in (("weight", torch.empty(shape)), ("bias", torch.empty(shape[0])))
    }


def _initial(spec: RunSpec) -> dict[str, Tensor]:
    model, generator = spec.model, weight_generator(spec)
    weights: dict[str, Tensor] = {}
    sizes, position = layer_sizes(spec), 0
    for layer, (n_in, n_out) in enumerate(pairwise(sizes)):
        weights |= draw_layer(position, (n_out, n_in), generator)
        position += 1
        if model.normalisation in ("batch", "layer") and layer < len(sizes) - 2:
            weights |= _norm(position, n_out, batch=model.normalisation == "batch")
            position += 1
        position += 1
    return weights


def _norm(position: int, units: int, *, batch: bool) -> dict[str, Tensor]:
    ones, zeros = torch.ones(units), torch.zeros(units)
    weights = {f"{position}.weight": ones, f"{position}.bias": zeros}
    if batch:
        weights |= {f"{position}.running_mean": zeros, f"{position}.running_var": ones}
    return weights


def _predict(spec: RunSpec, weights: ModelWeights, inputs: Tensor) -> Tensor:
    positions = sorted({int(name.split(".")[0]) for name in weights})
    h = inputs
    for at in positions:
        h = _layer(h, {name: w for name, w in weights.items() if name.startswith(f"{at}.")}, at)
        if at + 1 not in positions and at != positions[-1]:
            h = ACTIVATIONS[spec.model.activation or "relu"](h)
    return h


def _layer(h: Tensor, weights: ModelWeights, at: int) -> Tensor:
    weight, bias = weights[f"{at}.weight"], weights[f"{at}.bias"]
    if weight.dim() == 2:
        return functional.linear(h, weight, bias)
    if f"{at}.running_mean" not in weights:
        return functional.layer_norm(h, h.shape[1:], weight, bias)
    mean, variance = weights[f"{at}.running_mean"], weights[f"{at}.running_var"]
    return functional.batch_norm(h, mean, variance, weight, bias)


def _weight_views(
    member: "GroupMember", parameters: Stack, running: Stack, place: int
) -> Iterator[tuple[str, Tensor]]:
    model, outputs = member.spec.model, member.outputs
    hidden, n_in, position = model.hidden, member.n_features, 0
    for layer, n_out in enumerate([*hidden, outputs]):
        weight = parameters[f"weight {layer}"][place, :n_out]
        yield f"{position}.weight", weight[:, :n_in]
        if layer:
            yield f"{position}.bias", parameters[f"bias {layer}"][place, :n_out]
        else:
            yield f"{position}.bias", weight[:, n_in]
        position += 1
        if layer < len(hidden) and model.normalisation in ("batch", "layer"):
            yield f"{position}.weight", parameters[f"scale {layer}"][place, :n_out]
            yield f"{position}.bias", parameters[f"shift {layer}"][place, :n_out]
            if model.normalisation == "batch":
                yield f"{position}.running_mean", running[f"shift {layer}"][place, :n_out]
                yield f"{position}.running_var", running[f"scale {layer}"][place, :n_out]
            position += 1
        n_in, position = n_out, position + 1


MLP = Architecture(_predict, GradientTraining(_initial, _weight_views, perceptron, biased=True))

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
    module: int, shape: tuple[int, ...], generator: torch.Generator
) -> dict[str, Tensor]:
    """Draw the weight and the bias of a layer uniformly within 1/sqrt(inputs), as nn.Linear."""
    bound = 1 / math.sqrt(math.prod(shape[1:]))
    return {
        f"{module}.{name}": drawn.uniform_(-bound, bound, generator=generator)
        for name, drawn in (("weight", torch.empty(shape)), ("bias", torch.empty(shape[0])))
    }


def _initial(spec: RunSpec) -> dict[str, Tensor]:
    model, generator = spec.model, weight_generator(spec)
    weights: dict[str, Tensor] = {}
    sizes, module = layer_sizes(spec), 0
    for layer, (n_in, n_out) in enumerate(pairwise(sizes)):
        weights |= draw_layer(module, (n_out, n_in), generator)
        module += 1
        if model.normalisation in ("batch", "layer") and layer < len(sizes) - 2:
            weights |= _norm(module, n_out, batch=model.normalisation == "batch")
            module += 1
        module += 1
    return weights


def _norm(module: int, units: int, *, batch: bool) -> dict[str, Tensor]:
    ones, zeros = torch.ones(units), torch.zeros(units)
    weights = {f"{module}.weight": ones, f"{module}.bias": zeros}
    if batch:
        weights |= {f"{module}.running_mean": zeros, f"{module}.running_var": ones}
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
    member: "GroupMember", parameters: Stack, running: Stack, position: int
) -> Iterator[tuple[str, Tensor]]:
    model, outputs = member.spec.model, member.outputs
    hidden, n_in, module = model.hidden, member.n_features, 0
    for layer, n_out in enumerate([*hidden, outputs]):
        weight = parameters[f"weight {layer}"][position, :n_out]
        yield f"{module}.weight", weight[:, :n_in]
        if layer:
            yield f"{module}.bias", parameters[f"bias {layer}"][position, :n_out]
        else:
            yield f"{module}.bias", weight[:, n_in]
        module += 1
        if layer < len(hidden) and model.normalisation in ("batch", "layer"):
            yield f"{module}.weight", parameters[f"scale {layer}"][position, :n_out]
            yield f"{module}.bias", parameters[f"shift {layer}"][position, :n_out]
            if model.normalisation == "batch":
                yield f"{module}.running_mean", running[f"shift {layer}"][position, :n_out]
                yield f"{module}.running_var", running[f"scale {layer}"][position, :n_out]
            module += 1
        n_in, module = n_out, module + 1


MLP = Architecture(_predict, GradientTraining(_initial, _weight_views, perceptron, biased=True))

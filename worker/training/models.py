"""The models: parameters as backend.spec.cost counts them, initial weights from the seed alone."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from backend.spec.cost import layer_sizes, outputs, polynomial_terms
from backend.spec.run import RunSpec
from worker.training import basis
from worker.training.sequences import Array
from worker.training.streams import Purpose, reseed

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU, "sigmoid": nn.Sigmoid}


class Polynomial(nn.Module):
    """A weighted sum of basis terms; `coefficients` is [outputs, terms] and starts at 0."""

    def __init__(self, terms: int, outputs: int) -> None:
        super().__init__()
        self.coefficients = nn.Parameter(torch.zeros(outputs, terms))

    def forward(self, features: Tensor) -> Tensor:
        """Map basis terms [n, terms] to predictions [n, outputs]."""
        return features @ self.coefficients.T


class Mlp(nn.Sequential):
    """Linear layers with an activation between; dropout, in training, draws from `generator`."""

    def __init__(self, sizes: list[int], activation: str, dropout: float) -> None:
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(sizes):
            # skip_init, as nn.Linear itself would draw from torch's global generator
            linear = nn.utils.skip_init(nn.Linear, n_in, n_out)  # type: ignore[no-untyped-call]
            layers += [linear, ACTIVATIONS[activation]()]
        super().__init__(*layers[:-1])
        self.dropout = dropout
        self.generator: torch.Generator | None = None

    def forward(self, features: Tensor) -> Tensor:
        """Map scaled inputs [n, features] to predictions [n, outputs]."""
        for layer in self:
            features = layer(features)
            if self.dropout and self.training and not isinstance(layer, nn.Linear):
                kept = torch.empty_like(features).bernoulli_(
                    1 - self.dropout, generator=self.generator
                )
                features = features * kept / (1 - self.dropout)
        return features

    def initialise(self, generator: torch.Generator) -> None:
        """Draw weights and biases uniformly within 1/sqrt(inputs), as nn.Linear does."""
        for layer in self:
            if isinstance(layer, nn.Linear):
                bound = 1 / math.sqrt(layer.in_features)
                nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
                nn.init.uniform_(layer.bias, -bound, bound, generator=generator)


def build(spec: RunSpec) -> Polynomial | Mlp:
    """Return the model of a run on the CPU, with its initial weights."""
    model, params = spec.model, spec.params()
    if model.degree is not None:
        return Polynomial(polynomial_terms(params), outputs(spec.dataset.source))
    mlp = Mlp(layer_sizes(params), model.activation or "relu", model.dropout or 0.0)
    # drawn on the CPU, so that the device makes no difference
    mlp.initialise(reseed(torch.Generator(), spec.training.seed, Purpose.WEIGHTS))
    return mlp


def features(spec: RunSpec, scaled: Array) -> Array:
    """Return what the model takes for scaled inputs [n, inputs]: them, or a polynomial's terms."""
    if spec.model.degree is None:
        return scaled
    return basis.evaluate(scaled, spec.model.degree)

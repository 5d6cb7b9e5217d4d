"""Stacked networks: the layers of several models, over parameters and buffers made once."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from worker.training import losses
from worker.training.layers import (
    Batch,
    Gelu,
    Identity,
    Layer,
    Relu,
    Sigmoid,
    Tanh,
    Weights,
)
from worker.training.program import Program
from worker.training.stack import Stack


@dataclass(frozen=True)
class Model:
    """The tensors of a stack of models, each with its gradient.

    `running` is what is kept beside the parameters: the figures of batch norm. `real`
    [models, units, 1] of each hidden layer is 1 for units, or channels, that a model has, 0 for
    padded ones.
    """

    parameters: Stack
    gradients: Stack
    running: Stack
    real: Sequence[Tensor]


class WorkSpace:
    """Buffers [models, units, rows], made once and shared by networks of so many models and rows.

    They begin as 0, and stay so where networks of the same rows write nothing.
    """

    def __init__(self, models: int, rows: int, like: Tensor) -> None:
        self._most, self._like = models * rows, like
        self._buffers: dict[str, Tensor] = {}

    def get(self, name: str, models: int, units: int, rows: int) -> Tensor:
        """Return the buffer of a name [models, units, rows]."""
        if name not in self._buffers:
            self._buffers[name] = self._like.new_zeros(self._most * units)
        return self._buffers[name][: models * units * rows].view(models, units, rows)


@dataclass(frozen=True)
class Site:
    """Where layers are built: over some models and so many rows, to learn or only to evaluate."""

    program: Program
    model: Model
    space: WorkSpace
    models: slice
    rows: int
    learns: bool

    def buffer(self, name: str, units: int) -> Tensor:
        """Return a buffer [models, units, rows]."""
        return self.space.get(name, self.models.stop - self.models.start, units, self.rows)

    def output(self, index: int, units: int) -> Tensor:
        """Return the buffer of a layer's output.

        Evaluation needs no layer's output once the next is there.
        """
        return self.buffer(f"output {index if self.learns else index % 2} of {units}", units)

    def gradient(self, index: int, units: int) -> Tensor | None:
        """Return where the gradient by the input of a layer goes; the first has no need of it."""
        return self.buffer(f"gradient {index % 2} of {units}", units) if index else None

    def vectors(self, kind: str, index: int, units: int) -> tuple[Tensor, Tensor]:
        """Return a vector of each model [models, units], and its gradient."""
        own, gradient = self._slabs(f"{kind} {index}")
        return own[:, :units], gradient[:, :units]

    def matrix(self, index: int) -> tuple[Tensor, Tensor]:
        """Return a layer's weights of each model [models, out, in], and their gradients."""
        return self._slabs(f"weight {index}")

    def weights(self, index: int, units: int, *, biased: bool) -> tuple[Weights, Weights]:
        """Return the weights of a layer, and their gradients."""
        bias = self.vectors("bias", index, units) if biased else (None, None)
        weight = self.matrix(index)
        return Weights(weight[0], bias[0]), Weights(weight[1], bias[1])

    def _slabs(self, name: str) -> tuple[Tensor, Tensor]:
        parameters, gradients = self.model.parameters, self.model.gradients
        return parameters[name][self.models], gradients[name][self.models]

    def real(self, index: int) -> Tensor:
        """Return 1 for the units that each model has in a hidden layer, else 0."""
        return self.model.real[index][self.models]

    def activation(self, index: int, units: int) -> Layer:
        """Return the non-linearity of a hidden layer."""
        match self.program.activation:
            case "relu":
                return Relu()
            case "tanh":
                return Tanh()
            case "sigmoid":
                return Sigmoid(self.real(index))
            case "linear":
                return Identity()
            case "gelu":
                index = index if self.learns else index % 2
                return Gelu(self.buffer(f"gelu {index} of {units}", units))


class Network:
    """Some models of a stack, as layers."""

    def __init__(self, site: Site, layers: Sequence[Layer]) -> None:
        self._layers = layers
        self._gradient = site.buffer("gradient by outputs", site.program.outputs)
        self._cross_entropy = site.program.cross_entropy

    def outputs(self, x: Tensor, batch: Batch | None = None) -> Tensor:
        """Map inputs [models, rows, inputs] to outputs [models, outputs, rows]."""
        h = x.transpose(1, 2)
        for layer in self._layers:
            h = layer.forward(h, batch)
        return h

    def descend(self, batch: Batch) -> None:
        """Leave the gradients of each model's mean loss over its batch."""
        outputs = self.outputs(batch.x, batch)
        g = losses.gradient(outputs, batch, self._gradient, cross_entropy=self._cross_entropy)
        for layer in reversed(self._layers):
            g = layer.backward(g, batch)

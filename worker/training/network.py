"""Stacked networks: the layers of several models, built over their parameters and work space."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from worker.training import losses
from worker.training.layers import (
    Affine,
    Batch,
    BatchNorm,
    Dropout,
    Gelu,
    Layer,
    LayerNorm,
    Linear,
    Relu,
    Sigmoid,
    Tanh,
    Weights,
)
from worker.training.program import Program
from worker.training.stack import Stack

Slabs = Mapping[str, Tensor]


def shapes(program: Program) -> dict[str, tuple[int, ...]]:
    """Return the shapes of one model's parameters, padded.

    Layer i has weight i, bias i (but the first, whose bias is a column of its weight), and scale i
    and shift i of its norm. Vectors are padded to 16, which keeps all slabs aligned.
    """
    found: dict[str, tuple[int, ...]] = {}
    widths = program.widths
    for layer, (n_in, n_out) in enumerate(pairwise(widths)):
        found[f"weight {layer}"] = (n_out, n_in)
        if layer > 0:
            found[f"bias {layer}"] = (_aligned(n_out),)
        if program.normalisation != "none" and layer < program.depth:
            found[f"scale {layer}"] = found[f"shift {layer}"] = (_aligned(n_out),)
    return found


def running_shapes(program: Program) -> dict[str, tuple[int, ...]]:
    """Return the shapes of what one model keeps beside its parameters: batch norm's figures."""
    if program.normalisation != "batch":
        return {}
    size = (_aligned(program.width),)
    return {f"{kind} {i}": size for i in range(program.depth) for kind in ("scale", "shift")}


def _aligned(size: int) -> int:
    return -(-size // 16) * 16


@dataclass(frozen=True)
class Model:
    """The tensors of a stack of models, each with its gradient.

    `real` [models, width, 1] is 1 for units that a model has, 0 for padded ones.
    """

    parameters: Stack
    gradients: Stack
    running: Stack
    real: Tensor


class WorkSpace:
    """Buffers [models, units, rows], made once and shared by all networks of these rows."""

    def __init__(self, models: int, rows: int, like: Tensor) -> None:
        self._models, self._rows, self._like = models, rows, like
        self._buffers: dict[str, Tensor] = {}

    def get(self, name: str, units: int, active: int) -> Tensor:
        """Return the buffer of a name, cut to the first `active` models."""
        if name not in self._buffers:
            shape = (self._models, units, self._rows)
            self._buffers[name] = self._like.new_zeros(shape)
        return self._buffers[name][:active]


class Network:
    """The first `active` models of a stack."""

    def __init__(
        self, program: Program, model: Model, space: WorkSpace, active: int, *, learns: bool
    ) -> None:
        self._program, self._model, self._space = program, model, space
        self._active, self._learns = active, learns
        self.layers = list(self._build())
        self._gradient = space.get("gradient", program.outputs, active)

    def outputs(self, x: Tensor, batch: Batch | None = None) -> Tensor:
        """Map inputs [models, rows, inputs] to outputs [models, outputs, rows]."""
        h = x.transpose(1, 2)
        for layer in self.layers:
            h = layer.forward(h, batch)
        return h

    def descend(self, batch: Batch) -> None:
        """Leave the gradients of each model's mean loss over its batch."""
        outputs = self.outputs(batch.x, batch)
        cross_entropy = self._program.cross_entropy
        g = losses.gradient(outputs, batch, self._gradient, cross_entropy=cross_entropy)
        for layer in reversed(self.layers):
            g = layer.backward(g, batch)

    def _build(self) -> list[Layer]:
        layers: list[Layer] = []
        for index in range(self._program.depth):
            layers.append(self._linear(index, self._program.width))
            layers += self._norm(index)
            layers.append(self._activation(index))
            if self._program.drops and self._learns:
                layers.append(Dropout(index, self._buffer(f"dropout {index}")))
        return [*layers, self._linear(self._program.depth, self._program.outputs)]

    def _linear(self, index: int, units: int) -> Linear:
        # evaluation needs no layer's output once the next is there
        name = f"output {index}" if self._learns else f"output {index % 2} of {units}"
        out = self._space.get(name, units, self._active)
        g = self._buffer(f"gradient {index % 2}") if index and self._learns else None
        own, gradients = (
            Weights(self._cut(stack, f"weight {index}"), self._bias(stack, index, units))
            for stack in (self._model.parameters, self._model.gradients)
        )
        return Linear(own, gradients, out, g)

    def _norm(self, index: int) -> list[Layer]:
        if self._program.normalisation == "none":
            return []
        own, gradients = (
            self._affine(stack, index) for stack in (self._model.parameters, self._model.gradients)
        )
        if self._program.normalisation == "layer":
            return [LayerNorm(own, gradients, self._model.real[: self._active])]
        return [BatchNorm(own, gradients, self._affine(self._model.running, index))]

    def _activation(self, index: int) -> Layer:
        match self._program.activation:
            case "relu":
                return Relu()
            case "tanh":
                return Tanh()
            case "sigmoid":
                return Sigmoid(self._model.real[: self._active])
            case "gelu":
                return Gelu(self._buffer(f"gelu {index if self._learns else index % 2}"))

    def _buffer(self, name: str) -> Tensor:
        return self._space.get(name, self._program.width, self._active)

    def _cut(self, stack: Stack, name: str) -> Tensor:
        return stack[name][: self._active]

    def _bias(self, stack: Stack, index: int, units: int) -> Tensor | None:
        return self._cut(stack, f"bias {index}")[:, :units] if index else None

    def _affine(self, stack: Stack, index: int) -> Affine:
        width = self._program.width
        scale, shift = (self._cut(stack, f"{kind} {index}") for kind in ("scale", "shift"))
        return Affine(scale[:, :width], shift[:, :width])

"""Stacked networks: the layers of several models, on preallocated parameters and buffers."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from worker.training.layers import (
    Gelu,
    Identity,
    LinearParameters,
    Relu,
    Sigmoid,
    StackedBatch,
    StackedLayer,
    Tanh,
)
from worker.training.losses import LOSS_FUNCTIONS
from worker.training.program import TrainingProgram
from worker.training.stack import Stack


@dataclass(frozen=True)
class StackedTensors:
    """The tensors of a stack of models and their gradients.

    `running` has the running mean and variance of batch norm. `real` [models, units, 1] of each
    hidden layer is 1 for the units or channels that a model has, and 0 for padding.
    """

    parameters: Stack
    gradients: Stack
    running: Stack
    real: Sequence[Tensor]


class WorkSpace:
    """Buffers [models, units, rows], shared by all networks with at most as many models and rows.

    They are initialised to 0. Regions that no network writes to stay 0.
    """

    def __init__(self, models: int, rows: int, like: Tensor) -> None:
        self._most, self._like = models * rows, like
        self._buffers: dict[str, Tensor] = {}

    def get(self, name: str, models: int, units: int, rows: int) -> Tensor:
        """Return the buffer with a name [models, units, rows]."""
        if name not in self._buffers:
            self._buffers[name] = self._like.new_zeros(self._most * units)
        return self._buffers[name][: models * units * rows].view(models, units, rows)


@dataclass(frozen=True)
class Site:
    """The context in which layers are built: models, rows, buffers, and whether to train."""

    program: TrainingProgram
    model: StackedTensors
    space: WorkSpace
    models: slice
    rows: int
    learns: bool

    def buffer(self, name: str, units: int) -> Tensor:
        """Return a buffer [models, units, rows]."""
        return self.space.get(name, self.models.stop - self.models.start, units, self.rows)

    def output(self, index: int, units: int) -> Tensor:
        """Return the buffer of a layer's output.

        In evaluation two buffers alternate, since each output is needed only by the next layer.
        """
        return self.buffer(f"output {index if self.learns else index % 2} of {units}", units)

    def gradient(self, index: int, units: int) -> Tensor | None:
        """Return the buffer for the gradient of a layer's input; None for the first layer."""
        return self.buffer(f"gradient {index % 2} of {units}", units) if index else None

    def vectors(self, kind: str, index: int, units: int) -> tuple[Tensor, Tensor]:
        """Return one vector per model [models, units], and its gradient."""
        own, gradient = self._slabs(f"{kind} {index}")
        return own[:, :units], gradient[:, :units]

    def matrix(self, index: int) -> tuple[Tensor, Tensor]:
        """Return the weights of a layer per model [models, out, in], and their gradients."""
        return self._slabs(f"weight {index}")

    def weights(
        self, index: int, units: int, *, biased: bool
    ) -> tuple[LinearParameters, LinearParameters]:
        """Return the parameters of a linear layer, and their gradients."""
        bias = self.vectors("bias", index, units) if biased else (None, None)
        weight = self.matrix(index)
        return LinearParameters(weight[0], bias[0]), LinearParameters(weight[1], bias[1])

    def _slabs(self, name: str) -> tuple[Tensor, Tensor]:
        parameters, gradients = self.model.parameters, self.model.gradients
        return parameters[name][self.models], gradients[name][self.models]

    def real(self, index: int) -> Tensor:
        """Return 1 for the units that each model has in a hidden layer, and 0 for padding."""
        return self.model.real[index][self.models]

    def activation(self, index: int, units: int) -> StackedLayer:
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
            case name:
                raise ValueError(f"There is no activation {name}.")


class Network:
    """Some models of a stack as a sequence of layers."""

    def __init__(self, site: Site, layers: Sequence[StackedLayer]) -> None:
        self._layers = layers
        self._gradient = site.buffer("gradient by outputs", site.program.outputs)
        self._loss = LOSS_FUNCTIONS[site.program.loss]

    def outputs(self, x: Tensor, batch: StackedBatch | None = None) -> Tensor:
        """Map inputs [models, rows, inputs] to outputs [models, outputs, rows]."""
        h = x.transpose(1, 2)
        for layer in self._layers:
            h = layer.forward(h, batch)
        return h

    def compute_gradients(self, batch: StackedBatch) -> None:
        """Compute the gradients of each model's mean loss over its batch."""
        outputs = self.outputs(batch.x, batch)
        g = self._loss.gradient(outputs, batch, self._gradient)
        for layer in reversed(self._layers):
            g = layer.backward(g, batch)

"""Layers of stacked networks: hand-written forward and backward passes into preallocated buffers.

Activations have the layout [models, units, rows]. Rows are innermost, so that even a narrow network
fills the processor's vector registers. `forward` maps the output of the layer before. `backward`
takes the gradient of the loss with respect to the layer's output, stores the gradients of the
layer's own parameters, and returns the gradient with respect to its input. Both may overwrite their
arguments. Padded units are 0 in the forward pass, and padded rows have gradient 0 in the backward
pass.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

aten = torch.ops.aten

EPSILON = 1e-5  # added to the variance by batch and layer norm, as in torch.nn
MOMENTUM = 0.1  # of batch norm's running mean and variance, as in torch.nn


@dataclass(frozen=True, slots=True)
class StackedBatch:
    """One batch of each model.

    x is [models, rows, inputs] and targets [models, outputs, rows]. weights [models, 1, rows] are 1
    / batch size, and 0 for padded rows. masks [layers, models, units, rows] are those of dropout.
    """

    x: Tensor
    targets: Tensor
    weights: Tensor
    masks: Tensor | None


class StackedLayer(Protocol):
    """One layer of several models."""

    def forward(self, x: Tensor, batch: StackedBatch | None) -> Tensor:
        """Return the output; without a batch, compute it as in evaluation."""

    def backward(self, g: Tensor, batch: StackedBatch) -> Tensor:
        """Return the gradient with respect to the input."""


@dataclass(frozen=True)
class LinearParameters:
    """W [models, out, in] and b [models, out] of a linear layer, or their gradients.

    Without b, the last column of W is the bias, and the input has a column of ones.
    """

    weight: Tensor
    bias: Tensor | None


class Linear:
    """y = W x + b, written to `out`; `gradient_in`, if any, receives the gradient of x."""

    def __init__(
        self,
        own: LinearParameters,
        gradients: LinearParameters,
        out: Tensor,
        gradient_in: Tensor | None,
    ) -> None:
        self.weight, self.transposed = own.weight, own.weight.transpose(1, 2)
        self.bias = None if own.bias is None else own.bias.unsqueeze(2)
        self.gradients, self.out, self.gradient_in = gradients, out, gradient_in
        self.x = out

    def forward(self, x: Tensor, _: StackedBatch | None) -> Tensor:
        self.x = x
        if self.bias is None:
            return torch.bmm(self.weight, x, out=self.out)
        return torch.baddbmm(self.bias, self.weight, x, out=self.out)

    def backward(self, g: Tensor, _: StackedBatch) -> Tensor:
        torch.bmm(g, self.x.transpose(1, 2), out=self.gradients.weight)
        if self.gradients.bias is not None:
            torch.sum(g, 2, out=self.gradients.bias)
        if self.gradient_in is None:
            return g
        return torch.bmm(self.transposed, g, out=self.gradient_in)


class Relu:
    """max(0, x), in place."""

    def forward(self, x: Tensor, _: StackedBatch | None) -> Tensor:
        self.y = torch.relu_(x)
        return x

    def backward(self, g: Tensor, _: StackedBatch) -> Tensor:
        aten.threshold_backward.grad_input(g, self.y, 0, grad_input=g)
        return g


class Tanh:
    """The hyperbolic tangent, in place."""

    def forward(self, x: Tensor, _: StackedBatch | None) -> Tensor:
        self.y = torch.tanh_(x)
        return x

    def backward(self, g: Tensor, _: StackedBatch) -> Tensor:
        aten.tanh_backward.grad_input(g, self.y, grad_input=g)
        return g


class Sigmoid:
    """1 / (1 + exp(-x)), in place; `real` [models, units, 1] is 0 for padded units, else 1."""

    def __init__(self, real: Tensor) -> None:
        self.real = real

    def forward(self, x: Tensor, _: StackedBatch | None) -> Tensor:
        self.y = torch.sigmoid_(x).mul_(self.real)
        return x

    def backward(self, g: Tensor, _: StackedBatch) -> Tensor:
        aten.sigmoid_backward.grad_input(g, self.y, grad_input=g)
        return g


class Identity:
    """The identity function, the activation of linear networks."""

    def forward(self, x: Tensor, _: StackedBatch | None) -> Tensor:
        return x

    def backward(self, g: Tensor, _: StackedBatch) -> Tensor:
        return g


class Gelu:
    """x times the standard normal distribution function of x, written to `out`."""

    def __init__(self, out: Tensor) -> None:
        self.out = out

    def forward(self, x: Tensor, _: StackedBatch | None) -> Tensor:
        self.x = x
        out = self.out.view(x.shape)
        aten.gelu.out(x, out=out)
        return out

    def backward(self, g: Tensor, _: StackedBatch) -> Tensor:
        aten.gelu_backward.grad_input(g, self.x, grad_input=g)
        return g


class Dropout:
    """x times the dropout mask of this layer, written to `out`; the identity in evaluation."""

    def __init__(self, index: int, out: Tensor) -> None:
        self.index, self.out = index, out

    def forward(self, x: Tensor, batch: StackedBatch | None) -> Tensor:
        if batch is None or batch.masks is None:
            return x
        return torch.mul(x, self._mask(batch.masks), out=self.out)

    def backward(self, g: Tensor, batch: StackedBatch) -> Tensor:
        return g if batch.masks is None else g.mul_(self._mask(batch.masks))

    def _mask(self, masks: Tensor) -> Tensor:
        """Return the layer's masks [models, units, rows], cut to the width of the layer."""
        return masks[self.index, :, : self.out.shape[1]]


@dataclass(frozen=True)
class Affine:
    """Scale and shift [models, units] of a normalisation layer, or their gradients."""

    scale: Tensor
    shift: Tensor


class BatchNorm:
    """Batch normalisation (Ioffe and Szegedy 2015, algorithm 1) over the real rows of a batch.

    Evaluation uses the `running` mean and variance [models, units], which each training step moves
    towards those of its batch.
    """

    def __init__(self, own: Affine, gradients: Affine, running: Affine) -> None:
        self.scale, self.shift = own.scale.unsqueeze(2), own.shift.unsqueeze(2)
        self.gradients = gradients
        self.mean, self.variance = running.shift.unsqueeze(2), running.scale.unsqueeze(2)

    def forward(self, x: Tensor, batch: StackedBatch | None) -> Tensor:
        if batch is None:
            x.sub_(self.mean).mul_(torch.rsqrt(self.variance + EPSILON))
            return x.mul_(self.scale).add_(self.shift)
        mean = (x * batch.weights).sum(2, keepdim=True)
        x.sub_(mean)
        variance = (x * x).mul_(batch.weights).sum(2, keepdim=True)
        self._update_running(mean, variance, batch)
        self.deviation = torch.rsqrt(variance + EPSILON)
        self.normal = x.mul_(self.deviation)
        return self.normal * self.scale + self.shift

    def _update_running(self, mean: Tensor, variance: Tensor, batch: StackedBatch) -> None:
        self.mean.lerp_(mean, MOMENTUM)
        n = 1 / batch.weights.amax(2, keepdim=True)
        self.variance.lerp_(variance * n / (n - 1), MOMENTUM)

    def backward(self, g: Tensor, batch: StackedBatch) -> Tensor:
        by_scale = (g * self.normal).sum(2, keepdim=True)
        by_shift = g.sum(2, keepdim=True)
        self.gradients.scale.copy_(by_scale.squeeze(2))
        self.gradients.shift.copy_(by_shift.squeeze(2))
        # weights are 1 / n, and 0 for padded rows
        through = (self.normal * by_scale).add_(by_shift).mul_(batch.weights)
        return g.sub_(through).mul_(self.deviation * self.scale)


class LayerNorm:
    """Layer normalisation (Ba, Kiros and Hinton 2016) over the real units of a row.

    `real` [models, units, 1] is 1 for real units and 0 for padded ones.
    """

    def __init__(self, own: Affine, gradients: Affine, real: Tensor) -> None:
        self.scale, self.shift = own.scale.unsqueeze(2), own.shift.unsqueeze(2)
        self.gradients = gradients
        self.real, self.share = real, real / real.sum(1, keepdim=True)

    def forward(self, x: Tensor, _: StackedBatch | None) -> Tensor:
        x.sub_((x * self.share).sum(1, keepdim=True))
        variance = (x * x).mul_(self.share).sum(1, keepdim=True)
        self.deviation = torch.rsqrt(variance + EPSILON)
        self.normal = x.mul_(self.deviation).mul_(self.real)
        return self.normal * self.scale + self.shift

    def backward(self, g: Tensor, _: StackedBatch) -> Tensor:
        torch.sum(g * self.normal, 2, out=self.gradients.scale)
        torch.sum(g, 2, out=self.gradients.shift)
        g.mul_(self.scale)
        mean = (g * self.share).sum(1, keepdim=True)
        along = (g * self.normal).mul_(self.share).sum(1, keepdim=True)
        return g.sub_(mean).sub_(self.normal * along).mul_(self.deviation).mul_(self.real)

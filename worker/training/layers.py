"""The layers of stacked networks, forward and backward, into buffers made once.

Activations lie as [models, units, rows]: rows are innermost, so that even a narrow network fills
the processor's vectors. `forward` maps what the layer before returned; `backward` takes the loss's
gradient by what `forward` returned, leaves those of the layer's own parameters, and returns the
one by its input; both may overwrite what they are given. Padded units are 0 on the way forward,
padded rows have gradient 0 on the way back.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

aten = torch.ops.aten
EPSILON = 1e-5  # of batch and layer norm, as in torch.nn
MOMENTUM = 0.1  # of batch norm's running figures, as in torch.nn


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch of each model.

    x [models, rows, inputs]; targets [models, outputs, rows]; weights [models, 1, rows], which are
    1 / rows of the true batch, and 0 for padding; kept: for each dropout [models, units, rows].
    """

    x: Tensor
    targets: Tensor
    weights: Tensor
    kept: Tensor | None


class Layer(Protocol):
    """One layer of several models."""

    def forward(self, x: Tensor, batch: Batch | None) -> Tensor:
        """Return the output; without a batch as at evaluation."""

    def backward(self, g: Tensor, batch: Batch) -> Tensor:
        """Return the gradient by the input."""


@dataclass(frozen=True)
class Weights:
    """W [models, out, in] and b [models, out], or their gradients. No b: W has a column for it."""

    weight: Tensor
    bias: Tensor | None


class Linear:
    """y = W x + b, into `out`; the gradient by x goes to `gradient_in`, if there is one."""

    def __init__(
        self, own: Weights, gradients: Weights, out: Tensor, gradient_in: Tensor | None
    ) -> None:
        self.weight, self.transposed = own.weight, own.weight.transpose(1, 2)
        self.bias = None if own.bias is None else own.bias.unsqueeze(2)
        self.gradients, self.out, self.gradient_in = gradients, out, gradient_in
        self.x = out

    def forward(self, x: Tensor, _: Batch | None) -> Tensor:
        self.x = x
        if self.bias is None:
            return torch.bmm(self.weight, x, out=self.out)
        return torch.baddbmm(self.bias, self.weight, x, out=self.out)

    def backward(self, g: Tensor, _: Batch) -> Tensor:
        torch.bmm(g, self.x.transpose(1, 2), out=self.gradients.weight)
        if self.gradients.bias is not None:
            torch.sum(g, 2, out=self.gradients.bias)
        if self.gradient_in is None:
            return g
        return torch.bmm(self.transposed, g, out=self.gradient_in)


class Relu:
    """max(0, x), in place."""

    def forward(self, x: Tensor, _: Batch | None) -> Tensor:
        self.y = torch.relu_(x)
        return x

    def backward(self, g: Tensor, _: Batch) -> Tensor:
        aten.threshold_backward.grad_input(g, self.y, 0, grad_input=g)
        return g


class Tanh:
    """The hyperbolic tangent, in place."""

    def forward(self, x: Tensor, _: Batch | None) -> Tensor:
        self.y = torch.tanh_(x)
        return x

    def backward(self, g: Tensor, _: Batch) -> Tensor:
        aten.tanh_backward.grad_input(g, self.y, grad_input=g)
        return g


class Sigmoid:
    """1 / (1 + exp(-x)), in place; `real` [models, units, 1] is 0 for padded units, else 1."""

    def __init__(self, real: Tensor) -> None:
        self.real = real

    def forward(self, x: Tensor, _: Batch | None) -> Tensor:
        self.y = torch.sigmoid_(x).mul_(self.real)
        return x

    def backward(self, g: Tensor, _: Batch) -> Tensor:
        aten.sigmoid_backward.grad_input(g, self.y, grad_input=g)
        return g


class Identity:
    """x as it is: layers without a non-linearity are together no more than one."""

    def forward(self, x: Tensor, _: Batch | None) -> Tensor:
        return x

    def backward(self, g: Tensor, _: Batch) -> Tensor:
        return g


class Gelu:
    """x times the normal distribution function of x, into `out`."""

    def __init__(self, out: Tensor) -> None:
        self.out = out

    def forward(self, x: Tensor, _: Batch | None) -> Tensor:
        self.x = x
        out = self.out.view(x.shape)
        aten.gelu.out(x, out=out)
        return out

    def backward(self, g: Tensor, _: Batch) -> Tensor:
        aten.gelu_backward.grad_input(g, self.x, grad_input=g)
        return g


class Dropout:
    """x times what batch.kept[index] says, into `out`; nothing at evaluation."""

    def __init__(self, index: int, out: Tensor) -> None:
        self.index, self.out = index, out

    def forward(self, x: Tensor, batch: Batch | None) -> Tensor:
        if batch is None or batch.kept is None:
            return x
        return torch.mul(x, self._kept(batch.kept), out=self.out)

    def backward(self, g: Tensor, batch: Batch) -> Tensor:
        return g if batch.kept is None else g.mul_(self._kept(batch.kept))

    def _kept(self, kept: Tensor) -> Tensor:
        """Return the layer's masks [models, units, rows]: a narrow layer has few units."""
        return kept[self.index, :, : self.out.shape[1]]


@dataclass(frozen=True)
class Affine:
    """Scale and shift [models, units] of a norm, or their gradients."""

    scale: Tensor
    shift: Tensor


class BatchNorm:
    """Ioffe and Szegedy (2015), algorithm 1, over the true rows of a batch.

    At evaluation with `running` mean and variance [models, units], which follow the batches'.
    """

    def __init__(self, own: Affine, gradients: Affine, running: Affine) -> None:
        self.scale, self.shift = own.scale.unsqueeze(2), own.shift.unsqueeze(2)
        self.gradients = gradients
        self.mean, self.variance = running.shift.unsqueeze(2), running.scale.unsqueeze(2)

    def forward(self, x: Tensor, batch: Batch | None) -> Tensor:
        if batch is None:
            x.sub_(self.mean).mul_(torch.rsqrt(self.variance + EPSILON))
            return x.mul_(self.scale).add_(self.shift)
        mean = (x * batch.weights).sum(2, keepdim=True)
        x.sub_(mean)
        variance = (x * x).mul_(batch.weights).sum(2, keepdim=True)
        self._follow(mean, variance, batch)
        self.deviation = torch.rsqrt(variance + EPSILON)
        self.normal = x.mul_(self.deviation)
        return self.normal * self.scale + self.shift

    def _follow(self, mean: Tensor, variance: Tensor, batch: Batch) -> None:
        self.mean.lerp_(mean, MOMENTUM)
        n = 1 / batch.weights.amax(2, keepdim=True)
        self.variance.lerp_(variance * n / (n - 1), MOMENTUM)

    def backward(self, g: Tensor, batch: Batch) -> Tensor:
        by_scale = (g * self.normal).sum(2, keepdim=True)
        by_shift = g.sum(2, keepdim=True)
        self.gradients.scale.copy_(by_scale.squeeze(2))
        self.gradients.shift.copy_(by_shift.squeeze(2))
        # weights are 1 / n, and 0 where no row is
        through = (self.normal * by_scale).add_(by_shift).mul_(batch.weights)
        return g.sub_(through).mul_(self.deviation * self.scale)


class LayerNorm:
    """Ba, Kiros and Hinton (2016), over the true units; `real` [models, units, 1] is 1 for them."""

    def __init__(self, own: Affine, gradients: Affine, real: Tensor) -> None:
        self.scale, self.shift = own.scale.unsqueeze(2), own.shift.unsqueeze(2)
        self.gradients = gradients
        self.real, self.share = real, real / real.sum(1, keepdim=True)

    def forward(self, x: Tensor, _: Batch | None) -> Tensor:
        x.sub_((x * self.share).sum(1, keepdim=True))
        variance = (x * x).mul_(self.share).sum(1, keepdim=True)
        self.deviation = torch.rsqrt(variance + EPSILON)
        self.normal = x.mul_(self.deviation).mul_(self.real)
        return self.normal * self.scale + self.shift

    def backward(self, g: Tensor, _: Batch) -> Tensor:
        torch.sum(g * self.normal, 2, out=self.gradients.scale)
        torch.sum(g, 2, out=self.gradients.shift)
        g.mul_(self.scale)
        mean = (g * self.share).sum(1, keepdim=True)
        along = (g * self.normal).mul_(self.share).sum(1, keepdim=True)
        return g.sub_(mean).sub_(self.normal * along).mul_(self.deviation).mul_(self.real)

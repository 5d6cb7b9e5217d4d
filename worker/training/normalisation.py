"""Normalisation layers of stacked networks, see `layers` for the layout and the protocol."""

from dataclasses import dataclass

import torch
from torch import Tensor

from worker.training.layers import StackedBatch

EPSILON = 1e-5  # added to the variance by batch and layer norm, as in torch.nn
MOMENTUM = 0.1  # of batch norm's running mean and variance, as in torch.nn


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

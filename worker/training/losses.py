"""The losses, for outputs [models, outputs, rows] and targets of the same shape.

For regression a target is a value; for classification it is the probability of each class.
"""

import torch
from torch import Tensor

from worker.training.layers import StackedBatch

aten = torch.ops.aten


def gradient(outputs: Tensor, batch: StackedBatch, out: Tensor, *, cross_entropy: bool) -> Tensor:
    """Write the gradient of each model's mean batch loss with respect to its outputs to `out`."""
    if cross_entropy:
        torch.softmax(outputs, 1, out=out)
        return out.sub_(batch.targets).mul_(batch.weights)
    torch.sub(outputs, batch.targets, out=out)
    return out.mul_(batch.weights).mul_(2 / outputs.shape[1])


def of_rows(outputs: Tensor, targets: Tensor, *, cross_entropy: bool, classifies: bool) -> Tensor:
    """Return the loss of each row and, for classification, its hit [kinds, models, rows].

    The loss is the cross-entropy or the mean squared error. A hit is 1 if the highest output is
    that of the true class, and else 0.
    """
    if cross_entropy and outputs.shape[1] == 2:
        return _of_two_classes(outputs, targets)
    if cross_entropy:
        loss = torch.log_softmax(outputs, 1).mul_(targets).sum(1).neg_()
    else:
        loss = (outputs - targets).square_().mean(1)
    return torch.stack([loss, _hits(outputs, targets)]) if classifies else loss[None]


def _hits(outputs: Tensor, targets: Tensor) -> Tensor:
    return ((outputs * targets).sum(1) >= outputs.amax(1)).to(outputs.dtype)


def _of_two_classes(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return losses and hits [2, models, rows] from the lead of the true class over the other."""
    lead = (outputs[:, 1] - outputs[:, 0]).mul_(targets[:, 1] - targets[:, 0])
    kinds = lead.new_empty(2, *lead.shape)
    torch.ge(lead, 0, out=kinds[1])
    aten.softplus.out(lead.neg_(), threshold=40, out=kinds[0])  # log(1 + exp(-lead))
    return kinds

"""The losses, over outputs [models, outputs, rows] and targets of the same shape.

Targets are values, or the probability of each class.
"""

import torch
from torch import Tensor

from worker.training.layers import Batch


def gradient(outputs: Tensor, batch: Batch, out: Tensor, *, cross_entropy: bool) -> Tensor:
    """Return the gradient by the outputs of each model's mean loss over its batch, in `out`."""
    if cross_entropy:
        torch.softmax(outputs, 1, out=out)
        return out.sub_(batch.targets).mul_(batch.weights)
    torch.sub(outputs, batch.targets, out=out)
    return out.mul_(batch.weights).mul_(2 / outputs.shape[1])


def of_rows(outputs: Tensor, targets: Tensor, *, cross_entropy: bool) -> Tensor:
    """Return the loss of each row [models, rows]: cross-entropy, or the mean squared error."""
    if cross_entropy:
        return -(torch.log_softmax(outputs, 1).mul_(targets)).sum(1)
    return (outputs - targets).square_().mean(1)


def hits(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return for each row [models, rows] 1 where the highest output is that of the true class."""
    return ((outputs * targets).sum(1) >= outputs.amax(1)).to(outputs.dtype)

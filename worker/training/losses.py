"""The loss functions, under the names of backend/specification/losses.py.

Outputs and targets are [models, outputs, rows]. For regression a target is a value; for
classification it is the probability of each class.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from backend.series import Array
from worker.training.layers import StackedBatch

aten = torch.ops.aten


@dataclass(frozen=True)
class LossFunction:
    """One loss function.

    `gradient` writes the gradient of each model's mean batch loss with respect to its outputs to a
    tensor. `of_rows` returns the loss of each row and, if asked to classify, its hit [kinds,
    models, rows]; a hit is 1 if the highest output is that of the true class, and else 0.
    `probability` returns the probability of the second of two classes from the lead of its output
    over the first. `of_frequencies` returns the mean loss of predicting the same class frequencies
    for all of the given classes.
    """

    gradient: Callable[[Tensor, StackedBatch, Tensor], Tensor]
    of_rows: Callable[[Tensor, Tensor, bool], Tensor]
    probability: Callable[[Array], Array]
    of_frequencies: Callable[[Array, Array], float]


def _cross_entropy_gradient(outputs: Tensor, batch: StackedBatch, out: Tensor) -> Tensor:
    torch.softmax(outputs, 1, out=out)
    return out.sub_(batch.targets).mul_(batch.weights)


def _cross_entropy_of_rows(outputs: Tensor, targets: Tensor, classifies: bool) -> Tensor:
    if outputs.shape[1] == 2:
        return _cross_entropy_of_two_classes(outputs, targets)
    loss = torch.log_softmax(outputs, 1).mul_(targets).sum(1).neg_()
    return _with_hits(loss, outputs, targets, classifies)


def _cross_entropy_of_two_classes(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return losses and hits [2, models, rows] from the lead of the true class over the other."""
    lead = (outputs[:, 1] - outputs[:, 0]).mul_(targets[:, 1] - targets[:, 0])
    kinds = lead.new_empty(2, *lead.shape)
    torch.ge(lead, 0, out=kinds[1])
    aten.softplus.out(lead.neg_(), threshold=40, out=kinds[0])  # log(1 + exp(-lead))
    return kinds


def _sigmoid(lead: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(np.clip(-lead, -80, 80))))


def _cross_entropy_of_frequencies(classes: Array, frequencies: Array) -> float:
    return float(-np.log(frequencies)[classes].mean())


def _squared_error_gradient(outputs: Tensor, batch: StackedBatch, out: Tensor) -> Tensor:
    torch.sub(outputs, batch.targets, out=out)
    return out.mul_(batch.weights).mul_(2 / outputs.shape[1])


def _squared_error_of_rows(outputs: Tensor, targets: Tensor, classifies: bool) -> Tensor:
    loss = (outputs - targets).square_().mean(1)
    return _with_hits(loss, outputs, targets, classifies)


def _clipped(lead: Array) -> Array:
    # models trained on squared error put out approximate probabilities
    return np.asarray(np.clip((1 + lead) / 2, 0, 1))


def _squared_error_of_frequencies(classes: Array, frequencies: Array) -> float:
    return float(np.mean((np.eye(len(frequencies))[classes] - frequencies) ** 2))


def _with_hits(loss: Tensor, outputs: Tensor, targets: Tensor, classifies: bool) -> Tensor:
    if not classifies:
        return loss[None]
    hits = ((outputs * targets).sum(1) >= outputs.amax(1)).to(outputs.dtype)
    return torch.stack([loss, hits])


SQUARED_ERROR = LossFunction(
    _squared_error_gradient, _squared_error_of_rows, _clipped, _squared_error_of_frequencies
)

LOSS_FUNCTIONS: dict[str, LossFunction] = {
    "cross_entropy": LossFunction(
        _cross_entropy_gradient, _cross_entropy_of_rows, _sigmoid, _cross_entropy_of_frequencies
    ),
    "mse": SQUARED_ERROR,
}

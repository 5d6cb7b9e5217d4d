"""The optimisers."""

from collections.abc import Iterable

from torch import nn, optim

from backend.spec.run import Training


def build(training: Training, parameters: Iterable[nn.Parameter]) -> optim.Optimizer:
    """Return a run's optimiser; `fused` updates all tensors in one call, on CPU and GPU."""
    rate, decay = training.learning_rate or 0.0, training.weight_decay
    if training.optimizer == "sgd":
        return optim.SGD(
            parameters, lr=rate, momentum=training.momentum or 0.0, weight_decay=decay, fused=True
        )
    kind = optim.Adam if training.optimizer == "adam" else optim.AdamW
    return kind(parameters, lr=rate, weight_decay=decay, fused=True)

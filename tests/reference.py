"""Oracle of the training engine: `Reference` trains a single run in plain PyTorch."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from backend.datasets.random_streams import Purpose, stream
from backend.specification import RunSpec
from backend.specification.data_sources import SOURCES
from worker.training.member import GroupMember
from worker.training.random_draws import reseed

ACTIVATIONS = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "sigmoid": nn.Sigmoid,
    "linear": nn.Identity,
}
NORMS = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}


class Dropout(nn.Module):
    """Dropout whose random numbers are set from outside for each step."""

    def __init__(self, rate: float, units: int) -> None:
        super().__init__()
        self.rate, self.units = rate, units
        self.random_numbers = torch.empty(0)  # [units, rows]

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.rate:
            return x
        return torch.where(self.rate > self.random_numbers[:, : len(x)].T, 0, x / (1 - self.rate))


class Polynomial(nn.Module):
    """A weighted sum of basis terms with initial weights of 0."""

    def __init__(self, terms: int, outputs: int) -> None:
        super().__init__()
        self.coefficients = nn.Parameter(torch.zeros(outputs, terms))

    def forward(self, features: Tensor) -> Tensor:
        return features @ self.coefficients.T


def build(spec: RunSpec, inputs: int, outputs: int) -> nn.Module:
    """Return the model of a run with its initial weights, in float32."""
    if spec.model.family == "polynomial":
        return Polynomial(inputs, outputs)
    if spec.model.family == "cnn":
        return initialise(convolutional(spec, inputs, outputs), spec)
    model = spec.model
    layers: list[nn.Module] = []
    for width in model.hidden:
        layers.append(nn.Linear(inputs, width))
        if model.normalisation in NORMS:
            layers.append(NORMS[model.normalisation](width))
        layers += [ACTIVATIONS[model.activation or "relu"](), Dropout(model.dropout or 0.0, width)]
        inputs = width
    return initialise(nn.Sequential(*layers, nn.Linear(inputs, outputs)), spec)


def convolutional(spec: RunSpec, inputs: int, outputs: int) -> nn.Sequential:
    side, model, n_in = math.isqrt(inputs), spec.model, 1
    layers: list[nn.Module] = [nn.Unflatten(1, (1, side, side))]
    for _ in range(model.depth or 0):
        layers.append(nn.Conv2d(n_in, model.channels or 0, kernel_size=3, padding=1))
        layers += [ACTIVATIONS[model.activation or "relu"](), nn.MaxPool2d(2)]
        n_in, side = model.channels or 0, side // 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(n_in * side**2, outputs))


def initialise(network: nn.Sequential, spec: RunSpec) -> nn.Sequential:
    """Draw the initial weights and biases uniformly within 1/sqrt(inputs of a unit)."""
    generator = reseed(torch.Generator(), spec.training.seed, Purpose.WEIGHTS)
    for layer in network:
        if isinstance(layer, nn.Linear | nn.Conv2d):
            bound = 1 / math.sqrt(layer.weight[0].numel())
            assert layer.bias is not None
            nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
            nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return network


def optimizer(spec: RunSpec, model: nn.Module) -> torch.optim.Optimizer:
    training = spec.training
    rate, decay = training.learning_rate or 0.0, training.weight_decay
    if training.optimizer == "sgd":
        return torch.optim.SGD(
            model.parameters(), lr=rate, momentum=training.momentum or 0.0, weight_decay=decay
        )
    kind = torch.optim.Adam if training.optimizer == "adam" else torch.optim.AdamW
    return kind(model.parameters(), lr=rate, weight_decay=decay)


def scheduler(
    spec: RunSpec, optimizer: torch.optim.Optimizer
) -> torch.optim.lr_scheduler.LRScheduler:
    training, schedulers = spec.training, torch.optim.lr_scheduler
    if training.schedule == "cosine":
        return schedulers.CosineAnnealingLR(optimizer, training.epochs)
    if training.schedule == "step":
        return schedulers.StepLR(
            optimizer, training.schedule_every or 1, training.schedule_factor or 1.0
        )
    return schedulers.ConstantLR(optimizer, factor=1.0)


class Reference:
    """Trains a single run."""

    def __init__(self, spec: RunSpec, dtype: torch.dtype = torch.float32) -> None:
        self.spec, self.epoch = spec, 0
        member = GroupMember(spec)
        self.cross_entropy = spec.training.loss == "cross_entropy"
        self.classifies = SOURCES[spec.dataset.source].problem == "classification"
        self.parts = [
            (
                torch.from_numpy(member.features(part.x)).to(dtype),
                torch.from_numpy(part.y.copy()).to(torch.int64 if self.classifies else dtype),
            )
            for part in member.data.parts
        ]
        self.model = build(spec, member.n_features, member.outputs).to(dtype)
        self.optimizer = optimizer(spec, self.model)
        self.scheduler = scheduler(spec, self.optimizer)

    def curve(self, epochs: int) -> list[dict[str, float]]:
        """Train and return the metrics of each epoch."""
        return [self.advance() for _ in range(epochs)]

    def advance(self) -> dict[str, float]:
        self.epoch += 1
        self.model.train()
        x, y = self.parts[0]
        dropout_generator = stream(self.spec.training.seed, Purpose.DROPOUT, self.epoch)
        for rows in self.batches(len(x)):
            self.draw_dropout(dropout_generator)
            loss = self.loss(self.model(x[rows]), y[rows], self.spec.training.label_smoothing or 0)
            if penalty := self.spec.training.l1_penalty:
                loss = loss + penalty * sum(
                    parameter.abs().sum() for parameter in self.model.parameters()
                )
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
        self.scheduler.step()
        return self.evaluate()

    def batches(self, n: int) -> Iterator[Tensor]:
        size = self.spec.training.batch_size or n
        order = torch.arange(n)
        if size < n:
            generator = stream(self.spec.training.seed, Purpose.BATCHES, self.epoch)
            order = torch.from_numpy(generator.permutation(n))
        yield from torch.split(order, size)

    def draw_dropout(self, generator: np.random.Generator) -> None:
        """Draw the random numbers of a step, layer by layer, for the rows of a full batch."""
        n = self.spec.dataset.n_train
        rows = min(self.spec.training.batch_size or n, n)
        for layer in self.model.modules():
            if isinstance(layer, Dropout) and layer.rate:
                layer.random_numbers = torch.from_numpy(
                    generator.random((layer.units, rows), np.float32)
                )

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        if self.cross_entropy:
            return functional.cross_entropy(outputs, targets, label_smoothing=smoothing)
        if self.classifies:
            targets = functional.one_hot(targets, outputs.shape[1])
        return (outputs - targets).square().mean()

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        self.model.eval()
        metrics = {}
        for name, (x, y) in zip(("train", "val", "test"), self.parts, strict=True):
            outputs = self.model(x)
            metrics[f"{name}_loss"] = float(self.loss(outputs, y))
            if self.classifies:
                metrics[f"{name}_accuracy"] = float((outputs.argmax(1) == y).double().mean())
        return metrics

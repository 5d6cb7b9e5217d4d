"""One run's training: its model, data and optimiser on a device, advanced an epoch at a time."""

import math
from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from backend.spec.catalogue import SOURCES
from backend.spec.run import RunSpec
from worker.training import models, optimizers
from worker.training.data import Data, load
from worker.training.pictures import Picture, frame
from worker.training.sequences import Array
from worker.training.streams import Purpose, reseed, stream

CHUNK = 8192  # rows evaluated at once: bounds memory, and the time until a stop is noticed
PART_KEYS = ("train", "val", "test")


class Interrupted(Exception):
    """Training was told to stop within an epoch; the weights are between two epochs."""


class Member:
    """The training state of one run. Every draw is a function of seed and epoch number alone."""

    def __init__(self, spec: RunSpec, device: torch.device) -> None:
        self.spec, self.device = spec, device
        self.data: Data = load(spec)
        self.model = models.build(spec).to(device)
        self.optimizer = optimizers.build(spec.training, self.model.parameters())
        self.epoch = 0
        self.best_epoch, self.best_loss = 0, math.inf
        self.best = {name: value.clone() for name, value in self.model.state_dict().items()}
        self._classifies = SOURCES[spec.dataset.source].problem == "classification"
        self._sizes = [len(part.x) for part in self.data.parts]
        self._features = self.features(np.concatenate([part.x for part in self.data.parts]))
        targets = torch.from_numpy(np.concatenate([part.y for part in self.data.parts]))
        self._targets = targets.to(device, torch.int64 if self._classifies else torch.float32)
        self._dropout = torch.Generator(device)
        if isinstance(self.model, models.Mlp):
            self.model.generator = self._dropout

    def features(self, x: Array) -> Tensor:
        """Return what the model takes for raw inputs [n, features]."""
        made = models.features(self.spec, self.data.scaling(x))
        return torch.from_numpy(np.ascontiguousarray(made)).to(self.device, torch.float32)

    @cached_property
    def picture(self) -> tuple[Picture | None, Tensor]:
        """Where the fit is drawn, and what the model takes there."""
        found = frame(np.concatenate([self.data.train.x, self.data.validation.x]))
        return found, torch.empty(0) if found is None else self.features(found.points)

    @property
    def metric_keys(self) -> list[str]:
        """Names of what `evaluate` returns, in its order."""
        kinds = ("loss", "accuracy") if self._classifies else ("loss",)
        return [f"{part}_{kind}" for kind in kinds for part in PART_KEYS]

    def train(self, interrupted: Callable[[], bool]) -> None:
        """Pass over the training set once. Raises Interrupted."""
        self.epoch += 1
        self.model.train()
        if self.spec.model.dropout:
            reseed(self._dropout, self.spec.training.seed, Purpose.DROPOUT, self.epoch)
        for rows in self._batches():
            if interrupted():
                raise Interrupted
            targets = self._targets[rows]
            loss = self._losses(self.model(self._features[rows]), targets).mean()
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()

    def _batches(self) -> Iterator[Tensor | slice]:
        """Yield the rows of each batch in the order of this epoch."""
        n, size = self._sizes[0], self.spec.training.batch_size or self._sizes[0]
        if n <= size:
            yield slice(0, n)
            return
        draws = stream(self.spec.training.seed, Purpose.BATCHES, self.epoch)
        order = torch.from_numpy(draws.permutation(n)).to(self.device)
        for start in range(0, n, size):
            yield order[start : start + size]

    def _losses(self, predicted: Tensor, targets: Tensor) -> Tensor:
        """Loss of each row [n]."""
        if self._classifies:
            return functional.cross_entropy(predicted, targets, reduction="none")
        return (predicted - targets).square().mean(dim=1)

    @torch.no_grad()
    def evaluate(self, interrupted: Callable[[], bool]) -> Tensor:
        """Return the metrics of all three parts, as `metric_keys` names them, on the device.

        Raises Interrupted.
        """
        self.model.eval()
        columns: list[list[Tensor]] = []
        for start in range(0, len(self._features), CHUNK):
            if interrupted():
                raise Interrupted
            targets = self._targets[start : start + CHUNK]
            predicted = self.model(self._features[start : start + CHUNK])
            columns.append([self._losses(predicted, targets)])
            if self._classifies:
                columns[-1].append((predicted.argmax(dim=1) == targets).float())
        rows = (torch.cat(column) for column in zip(*columns, strict=True))
        return torch.stack([part.mean() for row in rows for part in torch.split(row, self._sizes)])

    def keep_best(self, validation_loss: float) -> None:
        """Copy the weights of this epoch if it is the best so far."""
        if validation_loss < self.best_loss:
            self.best_epoch, self.best_loss = self.epoch, validation_loss
            with torch.no_grad():
                for name, value in self.model.state_dict().items():
                    self.best[name].copy_(value)

"""The same run trained by others: plain PyTorch, Lightning's Trainer.fit and Keras's fit.

Each starts from the same initial weights and data; plain PyTorch and Lightning see the same batches
too, Keras shuffles by itself. Keras is given only the validation part to evaluate each epoch, the
others all three, as this product records them.
"""

import logging
import os
import warnings
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from backend.spec import RunSpec
from tests.reference import Reference

os.environ["KERAS_BACKEND"] = "torch"


def plain(spec: RunSpec) -> float:
    """Train by a loop in plain PyTorch; return the last validation loss."""
    return Reference(spec).curve(spec.training.epochs)[-1]["val_loss"]


def lightning(spec: RunSpec) -> float:
    """Train by Lightning, without its logger, progress bar and checkpoints."""
    import lightning as library

    warnings.filterwarnings("ignore", module="lightning")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    reference = Reference(spec)

    class Module(library.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = reference.model
            self.losses: dict[int, float] = {}

        def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
            return reference.loss(self.model(batch[0]), batch[1])

        def validation_step(
            self, batch: tuple[Tensor, Tensor], _: int, dataloader_idx: int = 0
        ) -> None:
            self.losses[dataloader_idx] = float(reference.loss(self.model(batch[0]), batch[1]))

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return reference.optimizer

    parts = [TensorDataset(*part) for part in reference.parts]
    module = Module()
    trainer = library.Trainer(
        accelerator="cpu", max_epochs=spec.training.epochs, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        num_sanity_val_steps=0,
    )  # fmt: skip
    trainer.fit(
        module,
        DataLoader(parts[0], batch_sampler=Batches(reference)),
        [DataLoader(part, batch_size=len(part)) for part in parts],
    )
    return module.losses[1]


class Batches:
    """The reference's batches of each epoch, as a batch sampler."""

    def __init__(self, reference: Reference) -> None:
        self._reference, self._n = reference, len(reference.parts[0][0])

    def __len__(self) -> int:
        return -(-self._n // (self._reference.spec.training.batch_size or self._n))

    def __iter__(self) -> Iterator[list[int]]:
        self._reference.epoch += 1
        for rows in self._reference.batches(self._n):
            yield rows.tolist()


def keras(spec: RunSpec) -> float:
    """Train by Keras on PyTorch, from arrays."""
    import keras as library

    reference = Reference(spec)
    linear = [layer for layer in reference.model.modules() if isinstance(layer, torch.nn.Linear)]
    (x, y), validation, _ = [(x.numpy(), y.numpy()) for x, y in reference.parts]
    layers = [
        library.layers.Dense(layer.out_features, activation=None if layer is linear[-1] else "relu")
        for layer in linear
    ]
    model = library.Sequential([library.Input((x.shape[1],)), *layers])
    model.set_weights([w.detach().numpy().T for layer in linear for w in layer.parameters()])
    model.compile(
        optimizer=library.optimizers.Adam(spec.training.learning_rate, epsilon=1e-8),
        loss=library.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    history = model.fit(
        x, y, batch_size=spec.training.batch_size, epochs=spec.training.epochs,
        validation_data=validation, validation_batch_size=len(validation[0]), verbose=0,
    )  # fmt: skip
    return float(history.history["val_loss"][-1])

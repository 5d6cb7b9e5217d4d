"""Training of the same run by other libraries: plain PyTorch, Lightning and Keras.

Each starts from the same initial weights and data. Plain PyTorch and Lightning also see the same
batches and evaluate all three parts in each epoch, as this product does. Keras shuffles by itself
and is measured in several configurations.
"""

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from backend.specification import RunSpec
from tests.reference import Reference

os.environ["KERAS_BACKEND"] = "torch"
Train = Callable[[RunSpec], float]


def train_plain(spec: RunSpec) -> float:
    """Train with a loop in plain PyTorch; return the last validation loss."""
    return Reference(spec).curve(spec.training.epochs)[-1]["val_loss"]


def train_lightning(spec: RunSpec) -> float:
    """Train with Lightning, without its logger, progress bar and checkpoints."""
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
        DataLoader(parts[0], batch_sampler=ReferenceBatchSampler(reference)),
        [DataLoader(part, batch_size=len(part)) for part in parts],
    )
    return module.losses[1]


class ReferenceBatchSampler:
    """A batch sampler that yields the batches of the reference."""

    def __init__(self, reference: Reference) -> None:
        self._reference, self._n = reference, len(reference.parts[0][0])

    def __len__(self) -> int:
        return -(-self._n // (self._reference.spec.training.batch_size or self._n))

    def __iter__(self) -> Iterator[list[int]]:
        self._reference.epoch += 1
        for rows in self._reference.batches(self._n):
            yield rows.tolist()


def train_keras(spec: RunSpec) -> float:
    """Train with Keras and the least work: only the loss, all validation rows at once."""
    reference = Reference(spec)
    model, (x, y), validation = _compiled(reference, [])
    return _fitted(model, x, y, spec, validation, validation_batch_size=len(validation[0]))


def train_keras_guide(spec: RunSpec) -> float:
    """Train with Keras as in its guides: accuracy, validation data, and defaults otherwise."""
    reference = Reference(spec)
    model, (x, y), validation = _compiled(reference, ["accuracy"])
    return _fitted(model, x, y, spec, validation)


def train_keras_all_parts(spec: RunSpec) -> float:
    """Train with Keras as in its guides, and evaluate the other two parts in each epoch as well."""
    import keras as library

    reference = Reference(spec)
    model, (x, y), validation = _compiled(reference, ["accuracy"])
    parts = [(x.numpy(), y.numpy()) for x, y in reference.parts]

    class Recorder(library.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, *_: Any) -> None:
            for inputs, targets in (parts[0], parts[2]):
                self.model.evaluate(inputs, targets, verbose=0)

    return _fitted(model, x, y, spec, validation, callbacks=[Recorder()])


def _compiled(reference: Reference, metrics: list[str]) -> tuple[Any, Any, Any]:
    """Return a Keras model with the reference's weights, and its training and validation data."""
    import keras as library

    linear = [layer for layer in reference.model.modules() if isinstance(layer, torch.nn.Linear)]
    training, validation, _ = [(x.numpy(), y.numpy()) for x, y in reference.parts]
    layers = [
        library.layers.Dense(layer.out_features, activation=None if layer is linear[-1] else "relu")
        for layer in linear
    ]
    model = library.Sequential([library.Input((training[0].shape[1],)), *layers])
    model.set_weights([w.detach().numpy().T for layer in linear for w in layer.parameters()])
    model.compile(
        optimizer=library.optimizers.Adam(reference.spec.training.learning_rate, epsilon=1e-8),
        loss=library.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=metrics,
    )
    return model, training, validation


def _fitted(model: Any, x: Any, y: Any, spec: RunSpec, validation: Any, **options: Any) -> float:
    """Fit with Keras; return the last validation loss."""
    history = model.fit(
        x, y, batch_size=spec.training.batch_size, epochs=spec.training.epochs,
        validation_data=validation, verbose=0, **options,
    )  # fmt: skip
    return float(history.history["val_loss"][-1])


def with_threads(count: int, train: Train) -> Train:
    """Return the same training limited to a number of PyTorch threads."""

    def on_threads(spec: RunSpec) -> float:
        before = torch.get_num_threads()
        torch.set_num_threads(count)
        try:
            return train(spec)
        finally:
            torch.set_num_threads(before)

    return on_threads

"""PyTorch Lightning: the loop is the Trainer's, and its own logger for MLflow logs the run."""

import os

import lightning
import torch
from lightning.pytorch.loggers import MLFlowLogger
from task import BATCH, RATE, classes, options, samples
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset


class Classifier(lightning.LightningModule):
    """A fully-connected network with its losses and its optimiser."""

    def __init__(self, inputs: int, hidden: list[int], outputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in hidden:
            layers += [nn.Linear(inputs, width), nn.ReLU()]
            inputs = width
        self.network = nn.Sequential(*layers, nn.Linear(inputs, outputs))

    def training_step(self, batch: list[Tensor]) -> Tensor:
        """Return the loss of a batch; Lightning does the rest of the step."""
        loss = cross_entropy(self.network(batch[0]), batch[1])
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: list[Tensor]) -> None:
        """Log loss and accuracy of a batch of validation samples."""
        outputs = self.network(batch[0])
        self.log("val_loss", cross_entropy(outputs, batch[1]))
        self.log("val_accuracy", (outputs.argmax(1) == batch[1]).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimiser of all weights."""
        return torch.optim.Adam(self.parameters(), lr=RATE)


chosen = options()
lightning.seed_everything(chosen.seed, verbose=False)
x, y, x_val, y_val = map(torch.from_numpy, samples(chosen.data))
logger = MLFlowLogger(
    experiment_name=chosen.data,
    run_name="Lightning",
    tracking_uri=os.environ["MLFLOW_TRACKING_URI"],
)
logger.log_hyperparams({"api": "Lightning", "hidden": chosen.hidden, "seed": chosen.seed})
trainer = lightning.Trainer(
    max_epochs=chosen.epochs, logger=logger, accelerator="cpu", log_every_n_steps=1,
    enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
)  # fmt: skip
trainer.fit(
    Classifier(x.shape[1], chosen.hidden, classes(chosen.data)),
    DataLoader(TensorDataset(x, y), batch_size=BATCH, shuffle=True),
    DataLoader(TensorDataset(x_val, y_val), batch_size=len(x_val)),
)

"""A mixed case: a Lightning module around a plain PyTorch model, with its own optimiser step.

`automatic_optimization = False` leaves the loop to Lightning and the step to the module.
"""

from itertools import pairwise

import lightning
import torch
from task import BATCH, RATE, classes, options, samples
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

import overfit_lab
from overfit_lab.lightning import LabCallback


class Around(lightning.LightningModule):
    """Trains any plain model."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.automatic_optimization = False

    def training_step(self, batch: list[Tensor]) -> None:
        """Do one step of the optimiser by hand."""
        optimizer = self.optimizers()
        loss = cross_entropy(self.model(batch[0]), batch[1])
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()
        self.log("train_loss", loss, on_step=False, on_epoch=True)

    def validation_step(self, batch: list[Tensor]) -> None:
        """Log the loss of a batch of validation samples."""
        self.log("val_loss", cross_entropy(self.model(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimiser of all weights."""
        return torch.optim.Adam(self.parameters(), lr=RATE)


chosen = options()
lightning.seed_everything(chosen.seed, verbose=False)
x, y, x_val, y_val = map(torch.from_numpy, samples(chosen.data))
sizes = [x.shape[1], *chosen.hidden]
hidden = [nn.Sequential(nn.Linear(*pair), nn.ReLU()) for pair in pairwise(sizes)]
plain = nn.Sequential(*hidden, nn.Linear(sizes[-1], classes(chosen.data)))

config = {"api": "Lightning, plain model", "hidden": chosen.hidden, "seed": chosen.seed}
with overfit_lab.init(chosen.data, name="Lightning, plain model", config=config):
    trainer = lightning.Trainer(
        max_epochs=chosen.epochs, callbacks=[LabCallback()], accelerator="cpu", logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(
        Around(plain),
        DataLoader(TensorDataset(x, y), batch_size=BATCH, shuffle=True),
        DataLoader(TensorDataset(x_val, y_val), batch_size=len(x_val)),
    )

"""The callbacks of overfit_lab in the frameworks that they are for.

`./lab test --examples` runs this file in the environment of the examples, which lacks the service.
"""

import importlib
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import overfit_lab

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is None,
    reason="./lab test --examples installs the frameworks",
)
EPOCHS = 60
RNG = np.random.default_rng(0)
X, X_VAL = (RNG.normal(size=(rows, 8)).astype("float32") for rows in (60, 300))
# a quarter of the labels is wrong: the validation loss falls at first, and soon rises
Y, Y_VAL = ((x[:, 0] > 0) ^ (RNG.random(len(x)) < 0.25) for x in (X, X_VAL))
Y, Y_VAL = Y.astype("int64"), Y_VAL.astype("int64")
CRITERIA: list[tuple[str, dict[str, float]]] = [
    ("overfitting", {}), ("patience", {"patience": 3}), ("gl", {}), ("pq", {}), ("up", {}),
]  # fmt: skip


@pytest.fixture(autouse=True)
def own_run() -> Iterator[None]:
    yield
    overfit_lab.finish()


def check(callback: Any) -> None:
    """Check that training was stopped by the criterion and not by its end."""
    assert callback.stopped_at is not None
    assert callback.stopped_at < EPOCHS - 1
    losses = callback.fit.pair.validation
    assert int(losses.steps[-1]) == callback.stopped_at
    assert (callback.fit.best_step or 0) < callback.stopped_at


def train_keras(callback: Any) -> None:
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.layers.Dense(128, activation="relu"), keras.layers.Dense(2, activation="softmax"),
    ])  # fmt: skip
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy")
    model.fit(X, Y, validation_data=(X_VAL, Y_VAL), epochs=EPOCHS, verbose=0, callbacks=[callback])


@pytest.mark.parametrize(("stop_when", "settings"), CRITERIA)
def test_keras_is_stopped(stop_when: str, settings: dict[str, Any]) -> None:
    from overfit_lab.keras import LabCallback

    callback = LabCallback(stop_when, **settings)
    train_keras(callback)
    check(callback)


def test_without_a_criterion_training_runs_to_its_end() -> None:
    from overfit_lab.keras import LabCallback

    run = overfit_lab.init("digits", mode="offline")
    callback = LabCallback()
    train_keras(callback)
    assert callback.stopped_at is None
    assert run.diagnose().pair.validation.steps.tolist() == list(range(EPOCHS))


def train_lightning(lightning: ModuleType, callback: Any) -> None:
    import torch

    class Module(lightning.LightningModule):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = torch.nn.Sequential(
                torch.nn.Linear(8, 128), torch.nn.ReLU(), torch.nn.Linear(128, 2)
            )

        def training_step(self, batch: Any) -> Any:
            loss = torch.nn.functional.cross_entropy(self.net(batch[0]), batch[1])
            self.log("train_loss", loss, on_step=True, on_epoch=True)
            return loss

        def validation_step(self, batch: Any) -> None:
            self.log("val_loss", torch.nn.functional.cross_entropy(self.net(batch[0]), batch[1]))

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), 0.01)

    torch.manual_seed(0)
    parts = [
        torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y))
        for x, y in ((X, Y), (X_VAL, Y_VAL))
    ]
    trainer = lightning.Trainer(
        max_epochs=EPOCHS, callbacks=[callback], logger=False, accelerator="cpu",
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    train, validation = (torch.utils.data.DataLoader(part, batch_size=30) for part in parts)
    trainer.fit(Module(), train, validation)


@pytest.mark.parametrize("package", ["lightning.pytorch", "pytorch_lightning"])
@pytest.mark.parametrize(("stop_when", "settings"), CRITERIA[:2])
def test_lightning_is_stopped_under_both_of_its_names(
    package: str, stop_when: str, settings: dict[str, Any]
) -> None:
    from overfit_lab.lightning import LabCallback

    callback = LabCallback(stop_when, **settings)
    train_lightning(importlib.import_module(package), callback)
    check(callback)


@pytest.mark.parametrize("package", ["lightning.pytorch", "pytorch_lightning"])
def test_the_callback_belongs_to_the_imported_lightning(package: str) -> None:
    code = (
        f"import {package} as p; from overfit_lab.lightning import LabCallback as c;"
        "raise SystemExit(not issubclass(c, p.Callback))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("stop_when", "settings"), CRITERIA[:2])
def test_transformers_is_stopped(tmp_path: Any, stop_when: str, settings: dict[str, Any]) -> None:
    import torch
    from transformers import Trainer, TrainingArguments

    from overfit_lab.transformers import LabCallback

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = torch.nn.Sequential(
                torch.nn.Linear(8, 128), torch.nn.ReLU(), torch.nn.Linear(128, 2)
            )

        def forward(self, x: Any, labels: Any) -> dict[str, Any]:
            outputs = self.net(x)
            loss = torch.nn.functional.cross_entropy(outputs, labels)
            return {"loss": loss, "logits": outputs}

    torch.manual_seed(0)
    train, held_out = (
        [{"x": torch.tensor(a), "labels": int(b)} for a, b in zip(x, y, strict=True)]
        for x, y in ((X, Y), (X_VAL, Y_VAL))
    )
    options = TrainingArguments(
        output_dir=str(tmp_path), num_train_epochs=EPOCHS, per_device_train_batch_size=20,
        learning_rate=0.01, eval_strategy="epoch", logging_steps=1, save_strategy="no",
        report_to="none", use_cpu=True, disable_tqdm=True, remove_unused_columns=False,
    )  # fmt: skip
    callback = LabCallback(stop_when, **settings)
    trainer = Trainer(
        Net(), options, train_dataset=train, eval_dataset=held_out, callbacks=[callback]
    )
    trainer.train()
    assert callback.stopped_at is not None
    assert callback.stopped_at < 2 * EPOCHS
    assert callback.fit.unit == "epoch"
    assert (callback.fit.best_step or 0) < callback.stopped_at / 2
    assert overfit_lab.diagnose(trainer).best_step is not None

"""Writes tests/data/early_stopping.json: decisions of Keras's and Lightning's own callbacks.

Run it where both libraries are installed (`pip install keras pytorch-lightning`, with torch), as
`KERAS_BACKEND=torch python -m tests.make_early_stopping`. The tests do not depend on them.
"""

import json
import math
import random
import warnings
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from keras.callbacks import EarlyStopping as Keras
from pytorch_lightning.callbacks import EarlyStopping as Lightning

CURVES = 150
TARGET = Path(__file__).parent / "data" / "early_stopping.json"


def curve(draws: random.Random) -> list[float]:
    """Draw losses that are exact in single precision. Some are NaN or infinite, never the first."""
    level, values = draws.randint(-8, 40), [0.0] * draws.randint(2, 30)
    for index in range(len(values)):
        level += draws.choice([-4, -2, -1, 0, 0, 1, 2, 3])
        values[index] = level / 8
        if index and draws.random() < 0.02:
            values[index] = draws.choice([math.nan, math.inf])
    return values


def keras_outcome(values: list[float], settings: dict[str, Any]) -> dict[str, int | None]:
    """Return the epoch (from 1) at which Keras stops, and the epoch whose weights it restores."""
    model = SimpleNamespace(stop_training=False, at=0, restored=None)
    model.get_weights = lambda: model.at
    model.set_weights = lambda at: setattr(model, "restored", at)
    callback = Keras(restore_best_weights=True, **settings)
    callback.set_model(model)
    callback.on_train_begin()
    stop = None
    for epoch, value in enumerate(values):
        model.at = epoch + 1
        callback.on_epoch_end(epoch, {"val_loss": value})
        if model.stop_training:
            stop = epoch + 1
            break
    callback.on_train_end()
    return {"stop": stop, "restored": model.restored}


def lightning_stop(values: list[float], settings: dict[str, Any]) -> int | None:
    """Return the check (from 1) at which Lightning stops."""
    callback = Lightning(monitor="val_loss", **settings)
    for check, value in enumerate(values, start=1):
        if callback._evaluate_stopping_criteria(torch.tensor(value))[0]:
            return check
    return None


def case(draws: random.Random) -> dict[str, Any]:
    """Return a curve, settings, and the decisions of both libraries."""
    values = curve(draws)
    mode = draws.choice(["min", "min", "max"])
    shared = {"patience": draws.randint(0, 6), "min_delta": draws.choice([0.0, 0.25]), "mode": mode}
    start = draws.choice([0, 0, 3])
    start = start if all(map(math.isfinite, values[start : start + 1])) else 0
    keras_settings = {**shared, "start_from_epoch": start}
    lightning_settings = {**shared, "check_finite": draws.random() < 0.5}
    while mode == "max" and math.inf in values:
        values[values.index(math.inf)] = -math.inf
    return {
        "values": [str(value) for value in values],
        "keras": {"settings": keras_settings, **keras_outcome(values, keras_settings)},
        "lightning": {
            "settings": lightning_settings,
            "stop": lightning_stop(values, lightning_settings),
        },
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    draws = random.Random(0)  # noqa: S311
    document = {
        "keras": version("keras"),
        "lightning": version("pytorch-lightning"),
        "cases": [case(draws) for _ in range(CURVES)],
    }
    TARGET.write_text(json.dumps(document, indent=None, separators=(",", ":")) + "\n")

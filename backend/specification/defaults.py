"""The defaults of the knobs, which fit the data source and the family of models."""

from collections.abc import Mapping
from typing import Any

from backend.specification.families import FAMILIES
from backend.specification.registry import SettingValue
from backend.specification.sources import SOURCES

DEFAULTS: dict[str, Any] = {
    "dataset.input_noise": 0.0,
    "dataset.target_noise": 0.0,
    "dataset.label_noise": 0.0,
    "model.family": "mlp",
    "model.features": "all",
    "model.degree": 1,
    "model.depth": 2,
    "model.width": 32,
    "model.channels": 8,
    "model.activation": "relu",
    "model.normalisation": "none",
    "model.dropout": 0.0,
    "training.optimizer": "adam",
    "training.loss": "cross_entropy",
    "training.label_smoothing": 0.0,
    "training.epochs": 200,
    "training.batch_size": 32,
    "training.learning_rate": 0.005,
    "training.momentum": 0.9,
    "training.weight_decay": 0.0,
    "training.l1_penalty": 0.0,
    "training.schedule": "constant",
    "training.schedule_every": 50,
    "training.schedule_factor": 0.1,
}

FAMILY_DEFAULTS: dict[str, Mapping[str, SettingValue]] = {
    name: family.defaults for name, family in FAMILIES.items()
}


def default(path: str, source: str, family: str | None = None) -> Any:
    """Return the default of a dotted path for a data source and a family of models.

    Without `family`, the source's own default family is meant.
    """
    general = SOURCES[source].defaults.get(path, DEFAULTS.get(path))
    if path == "model.family":
        return general
    return FAMILY_DEFAULTS[family or default("model.family", source)].get(path, general)

"""What a knob may be chosen from, in words: "breast_cancer" is "Breast cancer"."""

import re
from collections.abc import Mapping
from typing import Protocol

from backend.specification.criteria import STOPPING_CRITERIA
from backend.specification.families import FAMILIES
from backend.specification.losses import LOSSES
from backend.specification.optimizers import OPTIMIZERS
from backend.specification.schedules import SCHEDULES
from backend.specification.sources import SOURCES


class Titled(Protocol):
    """An entry of a registry."""

    @property
    def title(self) -> str:
        """Its name, as people read it."""


def titles(registry: Mapping[str, Titled]) -> dict[str, str]:
    """Return the titles of a registry's entries by name."""
    return {name: entry.title for name, entry in registry.items()}


CHOICES: Mapping[str, Mapping[str, str]] = {
    "dataset.source": titles(SOURCES),
    "model.family": titles(FAMILIES),
    "model.features": {"all": "All inputs"},
    "model.activation": {
        "relu": "ReLU",
        "tanh": "Tanh",
        "gelu": "GELU",
        "sigmoid": "Sigmoid",
        "linear": "Linear",
    },
    "model.normalisation": {"none": "None", "batch": "Batch norm", "layer": "Layer norm"},
    "training.optimizer": titles(OPTIMIZERS),
    "training.schedule": titles(SCHEDULES),
    "training.loss": titles(LOSSES),
    "early_stopping.criterion": titles(STOPPING_CRITERIA),
    "early_stopping.action": {"flag": "Mark, train on", "stop": "End the run"},
    "device": {"any": "Any", "cpu": "CPU", "gpu": "GPU"},
    "priority": {"low": "Low", "normal": "Normal", "high": "High"},
}
"""By dotted path, then by value."""


_NAMES = {
    "weight_decay": "weight decay",
    **{name: family.in_prose for name, family in FAMILIES.items() if name != "polynomial"},
    **{name: optimizer.in_prose for name, optimizer in OPTIMIZERS.items()},
    **{name: loss.in_prose for name, loss in LOSSES.items() if name != "mse"},
    **{name: rule.in_prose for name, rule in STOPPING_CRITERIA.items() if name != "up"},
}
_UP = re.compile(r"\bup(?=\))")  # the rule, not the word
_NAME = re.compile(rf"\b({'|'.join(_NAMES)})\b")


def in_words(about: str) -> str:
    """Write what a knob is about without the names of the specification."""
    return _NAME.sub(lambda found: _NAMES[found[0]], _UP.sub("successive rises", about))


def choice(path: str, value: str) -> str:
    """Write one value of a knob; what is no choice stays as it is."""
    return CHOICES.get(path, {}).get(value, value)

"""What a knob may be chosen from, in words: "breast_cancer" is "Breast cancer"."""

import re
from collections.abc import Mapping

from backend.specification.sources import SOURCES

CHOICES: Mapping[str, Mapping[str, str]] = {
    "dataset.source": {name: source.title for name, source in SOURCES.items()},
    "model.family": {
        "polynomial": "Polynomial",
        "mlp": "Network",
        "cnn": "Convolutional network",
        "random_features": "Random features",
    },
    "model.features": {"all": "All inputs"},
    "model.activation": {
        "relu": "ReLU",
        "tanh": "Tanh",
        "gelu": "GELU",
        "sigmoid": "Sigmoid",
        "linear": "Linear",
    },
    "model.normalisation": {"none": "None", "batch": "Batch norm", "layer": "Layer norm"},
    "training.optimizer": {
        "sgd": "SGD",
        "adam": "Adam",
        "adamw": "AdamW",
        "closed_form": "Closed form",
    },
    "training.schedule": {
        "constant": "Constant",
        "cosine": "Falls along a cosine",
        "step": "Falls in steps",
    },
    "training.loss": {"cross_entropy": "Cross-entropy", "mse": "Squared error"},
    "early_stopping.criterion": {
        "patience": "Patience",
        "gl": "Generalisation loss",
        "pq": "Progress quotient",
        "up": "Successive rises",
    },
    "early_stopping.action": {"flag": "Mark, train on", "stop": "End the run"},
    "device": {"any": "Any", "cpu": "CPU", "gpu": "GPU"},
    "priority": {"low": "Low", "normal": "Normal", "high": "High"},
}
"""By dotted path, then by value."""


_NAMES = {
    "mlp": "networks",
    "cnn": "convolutional networks",
    "random_features": "random features",
    "closed_form": "closed form",
    "cross_entropy": "cross-entropy",
    "weight_decay": "weight decay",
    "gl": "generalisation loss",
    "pq": "progress quotient",
    "sgd": "SGD",
}
_UP = re.compile(r"\bup(?=\))")  # the rule, not the word
_NAME = re.compile(rf"\b({'|'.join(_NAMES)})\b")


def in_words(about: str) -> str:
    """Write what a knob is about without the names of the specification."""
    return _NAME.sub(lambda found: _NAMES[found[0]], _UP.sub("successive rises", about))


def choice(path: str, value: str) -> str:
    """Write one value of a knob; what is no choice stays as it is."""
    return CHOICES.get(path, {}).get(value, value)

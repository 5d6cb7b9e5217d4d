"""The data sources: what is known of each without loading it, and the defaults that fit it."""

from dataclasses import dataclass, field
from typing import Any, Literal

Problem = Literal["regression", "classification"]


@dataclass(frozen=True)
class Source:
    """One data source.

    `rows` is how many samples exist (None: drawn afresh, as many as asked for). `outputs` is the
    number of classes, or of regressed values. `defaults` maps dotted spec paths to values.
    """

    title: str
    about: str
    problem: Problem
    features: int
    outputs: int
    rows: int | None
    defaults: dict[str, Any] = field(default_factory=dict)


SOURCES: dict[str, Source] = {
    "points": Source(
        "Five dots",
        "Points along a straight line, measured with noise: y = 3 x + noise.",
        "regression", 1, 1, None,
        {
            "dataset.n_train": 5,
            "dataset.n_validation": 200,
            "dataset.n_test": 1000,
            "dataset.target_noise": 2.2,
            "model.family": "polynomial",
            "training.epochs": 2000,
        },
    ),
    "moons": Source(
        "Two moons",
        "Two interleaved half circles in the plane.",
        "classification", 2, 2, None,
        {
            "dataset.n_train": 200,
            "dataset.n_validation": 500,
            "dataset.n_test": 2000,
            "dataset.input_noise": 0.3,
        },
    ),
    "iris": Source(
        "Iris flowers",
        "150 flowers of three species, four measurements each.",
        "classification", 4, 3, 150,
        {"dataset.n_train": 60, "dataset.n_validation": 45, "dataset.n_test": 45},
    ),
    "digits": Source(
        "Handwritten digits",
        "1,797 handwritten digits, 8 by 8 grey values each.",
        "classification", 64, 10, 1797,
        {"dataset.n_train": 500, "dataset.n_validation": 500, "dataset.n_test": 797},
    ),
}  # fmt: skip

DEFAULTS: dict[str, Any] = {
    "dataset.input_noise": 0.0,
    "dataset.target_noise": 0.0,
    "dataset.label_noise": 0.0,
    "model.family": "mlp",
    "model.degree": 1,
    "model.width": 32,
    "model.depth": 2,
    "model.activation": "relu",
    "model.dropout": 0.0,
    "training.epochs": 200,
    "training.batch_size": 32,
    "training.optimizer": "adam",
    "training.learning_rate": 0.005,
    "training.momentum": 0.9,
    "training.weight_decay": 0.0,
}


# Plain gradient descent learns a polynomial's line before its wiggles; Adam all at once.
FAMILY_DEFAULTS: dict[str, dict[str, Any]] = {
    "polynomial": {"training.optimizer": "sgd", "training.learning_rate": 0.1},
    "mlp": {},
}


def default(path: str, source: str, family: str | None = None) -> Any:
    """Return the default of a dotted path for a data source and a family of models.

    Without `family`, the source's own default family is meant.
    """
    general = SOURCES[source].defaults.get(path, DEFAULTS.get(path))
    if path == "model.family":
        return general
    return FAMILY_DEFAULTS[family or default("model.family", source)].get(path, general)

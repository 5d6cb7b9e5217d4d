"""The input features that a specification selects, computed from raw inputs."""

import numpy as np

from backend.datasets.sequences import Array
from backend.specification.features import Feature, parse


def of_inputs(x: Array, chosen: str) -> Array:
    """Return the features [n, features] of raw inputs [n, inputs]; "all" returns the inputs."""
    features = parse(chosen)
    return np.stack([_column(x, feature) for feature in features], axis=1) if features else x


def _column(x: Array, feature: Feature) -> Array:
    if feature.wave:
        wave = np.sin if feature.wave == "sin" else np.cos
        return np.asarray(wave(float(feature.factor) * x[:, feature.inputs[0]]))
    return np.asarray(np.prod(x[:, feature.inputs], axis=1))

"""Feature maps: what a model sees of raw inputs.

The features that a specification selects; for polynomials a basis in which each term is a product
of one Legendre polynomial per input; and random features, a hidden layer that is drawn once and
never trained (Rahimi and Recht 2007).
"""

import math
from collections import Counter
from collections.abc import Mapping
from itertools import chain, combinations_with_replacement

import numpy as np
import torch
from numpy.polynomial.legendre import legvander
from torch import Tensor

from backend.datasets.random_streams import Purpose, stream
from backend.series import Array
from backend.specification.notation import Feature, parse_features
from backend.specification.run_spec import RunSpec

BasisTerm = tuple[tuple[int, int], ...]
"""(input, degree) of each input in a term. The constant term is the empty tuple."""


def select_features(x: Array, chosen: str) -> Array:
    """Return the features [n, features] of raw inputs [n, inputs]; "all" returns the inputs."""
    features = parse_features(chosen)
    return np.stack([_column(x, feature) for feature in features], axis=1) if features else x


def _column(x: Array, feature: Feature) -> Array:
    if feature.wave:
        wave = np.sin if feature.wave == "sin" else np.cos
        return np.asarray(wave(float(feature.factor) * x[:, feature.inputs[0]]))
    return np.asarray(np.prod(x[:, feature.inputs], axis=1))


def legendre_terms(inputs: int, degree: int) -> list[BasisTerm]:
    """Return every term of total degree up to `degree`, ordered by total degree."""
    selections = chain.from_iterable(
        combinations_with_replacement(range(inputs), total) for total in range(degree + 1)
    )
    return [tuple(sorted(Counter(inputs).items())) for inputs in selections]


def legendre_features(scaled: Array, degree: int) -> Array:
    """Evaluate the terms [n, terms] at inputs [n, inputs], which are scaled to -1 to 1.

    Legendre polynomials are orthogonal over the square from -1 to 1, so gradient descent can fit
    high degrees. The polynomial of degree k is divided by 2 k + 1: gradients then learn the smooth
    shape before the oscillations.
    """
    scales = 2 * np.arange(degree + 1) + 1
    polynomials = legvander(scaled, degree) / scales  # [n, inputs, degree + 1]
    columns = [
        np.prod([polynomials[:, i, k] for i, k in term], axis=0) if term else np.ones(len(scaled))
        for term in legendre_terms(scaled.shape[1], degree)
    ]
    return np.stack(columns, axis=1)


def draw_random_layer(spec: RunSpec) -> dict[str, Tensor]:
    """Draw the random hidden layer: weights [width, inputs] and bias [width], standard normal.

    The weights are divided by the square root of the number of inputs. A narrow layer equals the
    first units of a wider one with the same seed.
    """
    width, count = spec.model.width or 0, spec.feature_count
    normal = stream(spec.training.seed, Purpose.RANDOM_FEATURES).normal(size=(width, count + 1))
    weight, bias = normal[:, :-1] / np.sqrt(count), normal[:, -1]
    return {
        name: torch.from_numpy(value.astype(np.float32))
        for name, value in (("hidden.weight", weight), ("hidden.bias", bias))
    }


def random_features(layer: Mapping[str, Tensor], scaled: Tensor) -> Tensor:
    """Return the random features [n, width] of scaled inputs [n, inputs], in their precision.

    They are divided by the square root of the width, so that a weight decay has the same meaning at
    every width.
    """
    weight, bias = (layer[name].to(scaled) for name in ("hidden.weight", "hidden.bias"))
    return torch.relu(scaled @ weight.T + bias) / math.sqrt(len(bias))

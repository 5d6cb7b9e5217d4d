"""Random features: a hidden layer that is drawn once and never trained (Rahimi and Recht 2007)."""

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from backend.datasets.streams import Purpose, stream
from backend.specification.cost import features
from backend.specification.run_spec import RunSpec


def draw(spec: RunSpec) -> dict[str, Tensor]:
    """Draw the hidden layer: weights [width, inputs] and bias [width], standard normal.

    The weights are divided by the square root of the number of inputs. A narrow layer equals the
    first units of a wider one with the same seed.
    """
    width, count = spec.model.width or 0, features(spec.params())
    normal = stream(spec.training.seed, Purpose.RANDOM_FEATURES).normal(size=(width, count + 1))
    weight, bias = normal[:, :-1] / np.sqrt(count), normal[:, -1]
    return {
        name: torch.from_numpy(value.astype(np.float32))
        for name, value in (("hidden.weight", weight), ("hidden.bias", bias))
    }


def evaluate(layer: Mapping[str, Tensor], scaled: Tensor) -> Tensor:
    """Return the features [n, width] of scaled inputs [n, inputs], in the inputs' precision.

    They are divided by the square root of the width, so that a weight decay has the same meaning at
    every width.
    """
    weight, bias = (layer[name].to(scaled) for name in ("hidden.weight", "hidden.bias"))
    return torch.relu(scaled @ weight.T + bias) / math.sqrt(len(bias))

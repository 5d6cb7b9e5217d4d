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
    """Return the hidden layer: weights [width, inputs] and bias [width], standard normal.

    The weights are divided by the root of the number of inputs. The first features of a wider
    layer are those of a narrower one.
    """
    width, count = spec.model.width or 0, features(spec.params())
    normal = stream(spec.training.seed, Purpose.RANDOM_FEATURES).normal(size=(width, count + 1))
    weight, bias = normal[:, :-1] / np.sqrt(count), normal[:, -1]
    return {
        name: torch.from_numpy(value.astype(np.float32))
        for name, value in (("hidden.weight", weight), ("hidden.bias", bias))
    }


def evaluate(layer: Mapping[str, Tensor], scaled: Tensor) -> Tensor:
    """Return the features [n, width] of scaled inputs [n, inputs], in their precision.

    They are divided by the root of the width, so that a weight decay means the same at any width.
    """
    weight, bias = (layer[name].to(scaled) for name in ("hidden.weight", "hidden.bias"))
    return torch.relu(scaled @ weight.T + bias) / math.sqrt(len(bias))

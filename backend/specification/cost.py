"""How large a model is: its inputs, outputs, layers and number of parameters."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from math import comb
from typing import Any

from backend.specification.features import ALL, parse
from backend.specification.layers import hidden
from backend.specification.sources import SOURCES


def inputs(params: Mapping[str, Any]) -> int:
    """Return the number of inputs of each sample."""
    source = SOURCES[params["dataset.source"]]
    return int(params.get("dataset.n_features") or source.features)


def features(params: Mapping[str, Any]) -> int:
    """Return the number of features that a network sees of each sample: its inputs, or chosen."""
    return len(parse(params.get("model.features", ALL))) or inputs(params)


def outputs(source: str) -> int:
    """Return the number of model outputs: classes, or regressed values."""
    return SOURCES[source].outputs


def layer_sizes(params: Mapping[str, Any]) -> list[int]:
    """Return the units of each layer of an mlp, inputs and outputs included."""
    return [features(params), *hidden(params), outputs(params["dataset.source"])]


def parameters(params: Mapping[str, Any]) -> int:
    """Return the number of trainable parameters of a run, given its flat params."""
    return _PARAMETERS[params["model.family"]](params)


def fixed_weights(params: Mapping[str, Any]) -> int:
    """Return the number of weights that are drawn and never trained: those of random features."""
    if params["model.family"] != "random_features":
        return 0
    return int((features(params) + 1) * params["model.width"])


def polynomial_terms(params: Mapping[str, Any]) -> int:
    """Return the number of products of inputs up to a polynomial's degree."""
    return comb(inputs(params) + params["model.degree"], params["model.degree"])


def _polynomial(params: Mapping[str, Any]) -> int:
    return polynomial_terms(params) * outputs(params["dataset.source"])


def _mlp(params: Mapping[str, Any]) -> int:
    sizes = layer_sizes(params)
    # a norm has a scale and a shift for each hidden neuron
    norms = 2 * sum(sizes[1:-1]) if params.get("model.normalisation", "none") != "none" else 0
    return norms + sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))


def _cnn(params: Mapping[str, Any]) -> int:
    """Count 3 by 3 kernels and biases, and a linear layer on what the halvings leave."""
    source, channels, depth = (
        SOURCES[params["dataset.source"]], params["model.channels"], params["model.depth"],
    )  # fmt: skip
    left = ((source.side or 0) >> depth) ** 2
    blocks = (9 + 1) * channels + (depth - 1) * (9 * channels + 1) * channels
    return int(blocks + (channels * left + 1) * source.outputs)


def _random_features(params: Mapping[str, Any]) -> int:
    return int(params["model.width"] * outputs(params["dataset.source"]))


_PARAMETERS: dict[str, Callable[[Mapping[str, Any]], int]] = {
    "polynomial": _polynomial,
    "mlp": _mlp,
    "cnn": _cnn,
    "random_features": _random_features,
}

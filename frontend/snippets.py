"""The lines of Python that load a snapshot, to be copied from a run's page."""

from collections.abc import Mapping
from itertools import chain, pairwise
from textwrap import dedent
from typing import Any

from backend.specification.cost import inputs, layer_sizes, outputs
from backend.specification.features import ALL, parse
from backend.specification.layers import hidden
from backend.specification.sources import SOURCES

ACTIVATIONS = {
    "relu": "ReLU",
    "tanh": "Tanh",
    "gelu": "GELU",
    "sigmoid": "Sigmoid",
    "linear": "Identity",
}
NORMS = {"none": "", "batch": "nn.BatchNorm1d({}), ", "layer": "nn.LayerNorm({}), "}

_MLP = """\
    import json, torch
    from safetensors import safe_open
    from torch import nn

    with safe_open("{file}", "pt") as file:
        weights, about = {{key: file.get_tensor(key) for key in file.keys()}}, file.metadata()
    mean, scale = (torch.tensor(json.loads(about[key])) for key in ("input_mean", "input_scale"))
    model = nn.Sequential({layers}).eval()
    model.load_state_dict(weights)
    predict = lambda x: model(({features} - mean) / scale)  # x: raw inputs [n, {inputs}]
    """

_POLYNOMIAL = """\
    import json, numpy as np
    from numpy.polynomial.legendre import legvander
    from safetensors import safe_open

    with safe_open("{file}", "np") as file:
        coefficients, about = file.get_tensor("coefficients"), file.metadata()
    mean, scale, terms = (json.loads(about[key]) for key in ("input_mean", "input_scale", "terms"))

    def predict(x):  # x: raw inputs [n, {inputs}]
        each = legvander((x - np.array(mean)) / scale, {degree}) / (2 * np.arange({terms}) + 1)
        ones = np.ones(len(x))  # a term is a list of inputs with their degrees
        basis = [np.prod([ones, *(each[:, i, k] for i, k in term)], axis=0) for term in terms]
        return np.stack(basis, axis=1) @ coefficients.T
    """

_RANDOM_FEATURES = """\
    import json, numpy as np
    from safetensors import safe_open

    with safe_open("{file}", "np") as file:
        weights, about = {{key: file.get_tensor(key) for key in file.keys()}}, file.metadata()
    mean, scale = (np.array(json.loads(about[key])) for key in ("input_mean", "input_scale"))

    def predict(x):  # x: raw inputs [n, {inputs}]
        hidden = ({features} - mean) / scale @ weights["hidden.weight"].T + weights["hidden.bias"]
        return np.maximum(hidden, 0) / np.sqrt({width}) @ weights["output.weight"].T
    """


def loading_code(params: Mapping[str, Any], run_id: int, kind: str) -> str:
    """Return code that makes `predict` from a run's snapshot, in the file as it is downloaded."""
    file = f"run-{run_id}-{kind}.safetensors"
    shape = {"inputs": inputs(params)}
    if params["model.family"] == "polynomial":
        degree = params["model.degree"]
        code = _POLYNOMIAL.format(file=file, degree=degree, terms=degree + 1, **shape)
    elif params["model.family"] == "random_features":
        seen = _features(params, "np")
        code = _RANDOM_FEATURES.format(
            file=file, width=params["model.width"], features=seen, **shape
        )
    else:
        seen = _features(params, "torch")
        code = _MLP.format(file=file, layers=_layers(params), features=seen, **shape)
    return dedent(code)


def _features(params: Mapping[str, Any], module: str) -> str:
    """Return code for what the model sees of raw inputs x."""
    chosen = parse(params.get("model.features", ALL))
    columns = ", ".join(feature.code(module) for feature in chosen)
    return f"{module}.stack([{columns}], 1)" if chosen else "x"


def _layers(params: Mapping[str, Any]) -> str:
    if params["model.family"] == "cnn":
        return _convolutional(params)
    norm = NORMS[params.get("model.normalisation", "none")]
    activation = f"nn.{ACTIVATIONS[params.get('model.activation', 'relu')]}()"
    linear = [f"nn.Linear({n_in}, {n_out})" for n_in, n_out in pairwise(layer_sizes(params))]
    between = [f"{norm.format(width)}{activation}" for width in hidden(params)]
    return ", ".join([*chain.from_iterable(zip(linear, between, strict=False)), linear[-1]])


def _convolutional(params: Mapping[str, Any]) -> str:
    side = SOURCES[params["dataset.source"]].side or 0
    channels, depth, n_in = params["model.channels"], params["model.depth"], 1
    modules = [f"nn.Unflatten(1, (1, {side}, {side}))"]
    for _ in range(depth):
        activation = ACTIVATIONS[params["model.activation"]]
        modules.append(f"nn.Conv2d({n_in}, {channels}, 3, padding=1)")
        modules += [f"nn.{activation}()", "nn.MaxPool2d(2)"]
        n_in = channels
    units = channels * (side >> depth) ** 2
    last = f"nn.Flatten(), nn.Linear({units}, {outputs(params['dataset.source'])})"
    return ", ".join([*modules, last])

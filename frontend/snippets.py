"""The lines of Python that load a snapshot, to be copied from a run's page."""

from collections.abc import Mapping
from itertools import pairwise
from textwrap import dedent
from typing import Any

from backend.spec.catalogue import SOURCES
from backend.spec.cost import layer_sizes

ACTIVATIONS = {"relu": "ReLU", "tanh": "Tanh", "gelu": "GELU", "sigmoid": "Sigmoid"}

_MLP = """\
    import json, torch
    from safetensors import safe_open
    from torch import nn

    with safe_open("{file}", "pt") as file:
        weights, about = {{key: file.get_tensor(key) for key in file.keys()}}, file.metadata()
    mean, scale = (torch.tensor(json.loads(about[key])) for key in ("input_mean", "input_scale"))
    model = nn.Sequential({layers})
    model.load_state_dict(weights)
    predict = lambda x: model((x - mean) / scale)  # x: raw inputs [n, {inputs}]
    """

_POLYNOMIAL = """\
    import json, numpy as np
    from numpy.polynomial.legendre import legvander
    from safetensors import safe_open

    with safe_open("{file}", "np") as file:
        coefficients, about = file.get_tensor("coefficients"), file.metadata()
    mean, scale, powers = (
        json.loads(about[key]) for key in ("input_mean", "input_scale", "exponents")
    )

    def predict(x):  # x: raw inputs [n, {inputs}]
        basis = legvander((x - np.array(mean)) / scale, {degree}) / (2 * np.arange({terms}) + 1)
        terms = [basis[:, range(len(power)), power].prod(axis=1) for power in powers]
        return np.stack(terms, axis=1) @ coefficients.T
    """


def loading_code(params: Mapping[str, Any], run_id: int, kind: str) -> str:
    """Return code that makes `predict` from a run's snapshot, in the file as it is downloaded."""
    file = f"run-{run_id}-{kind}.safetensors"
    inputs = SOURCES[params["dataset.source"]].features
    if params["model.family"] == "polynomial":
        degree = params["model.degree"]
        code = _POLYNOMIAL.format(file=file, degree=degree, terms=degree + 1, inputs=inputs)
    else:
        code = _MLP.format(file=file, layers=_layers(params), inputs=inputs)
    return dedent(code)


def _layers(params: Mapping[str, Any]) -> str:
    between = f", nn.{ACTIVATIONS[params.get('model.activation', 'relu')]}(), "
    linear = (f"nn.Linear({n_in}, {n_out})" for n_in, n_out in pairwise(layer_sizes(params)))
    return between.join(linear)

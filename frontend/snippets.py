"""The lines of Python that load a snapshot."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from backend.spec.cost import layer_sizes

MODULES = {"relu": "ReLU", "tanh": "Tanh", "gelu": "GELU", "sigmoid": "Sigmoid"}


def loading_code(params: Mapping[str, Any], run_id: int, kind: str) -> str:
    """Return code that loads a run's snapshot from the file as it is downloaded."""
    filename = f"run-{run_id}-{kind}.safetensors"
    if params["model.family"] == "polynomial":
        return _polynomial(filename)
    return _sequential(params, filename)


def _polynomial(filename: str) -> str:
    return "\n".join(
        (
            "from safetensors.numpy import load_file",
            f'coefficients = load_file("{filename}")["coefficients"]',
        )
    )


def _sequential(params: Mapping[str, Any], filename: str) -> str:
    activation = f"nn.{MODULES[params.get('model.activation', 'relu')]}()"
    linears = [f"nn.Linear({n_in}, {n_out})" for n_in, n_out in pairwise(layer_sizes(params))]
    layers = f", {activation}, ".join(linears)
    return "\n".join(
        (
            "from safetensors.torch import load_file",
            "from torch import nn",
            f"model = nn.Sequential({layers})",
            f'model.load_state_dict(load_file("{filename}"))',
        )
    )

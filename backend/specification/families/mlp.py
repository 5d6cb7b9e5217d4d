"""Fully-connected networks."""

from itertools import chain, pairwise
from textwrap import dedent
from typing import TYPE_CHECKING

from backend.specification.families.family import Family
from backend.specification.notation import count, features_code, neurons

if TYPE_CHECKING:
    from backend.specification.hyperparameters import Model
    from backend.specification.run_spec import RunSpec

TORCH_ACTIVATIONS = {
    "relu": "ReLU",
    "tanh": "Tanh",
    "gelu": "GELU",
    "sigmoid": "Sigmoid",
    "linear": "Identity",
}
"""The class of torch.nn for each activation."""

_NORMS = {"batch": "nn.BatchNorm1d({}), ", "layer": "nn.LayerNorm({}), "}

_CODE = dedent("""\
    import json, torch
    from safetensors import safe_open
    from torch import nn

    with safe_open("{file}", "pt") as file:
        weights, about = {{key: file.get_tensor(key) for key in file.keys()}}, file.metadata()
    mean, scale = (torch.tensor(json.loads(about[key])) for key in ("input_mean", "input_scale"))
    model = nn.Sequential({layers}).eval()
    model.load_state_dict(weights)
    predict = lambda x: model(({features} - mean) / scale)  # x: raw inputs [n, {inputs}]
    """)


def layer_sizes(spec: "RunSpec") -> list[int]:
    """Return the units of each layer, inputs and outputs included."""
    return [spec.feature_count, *spec.model.hidden, spec.dataset.output_count]


def sequential_code(spec: "RunSpec", file: str, layers: str) -> str:
    """Write Python that loads a torch.nn.Sequential of `layers` and defines `predict`."""
    return _CODE.format(
        file=file,
        layers=layers,
        features=features_code(spec.model.features, "torch"),
        inputs=spec.dataset.input_count,
    )


def _parameters(spec: "RunSpec") -> int:
    sizes = layer_sizes(spec)
    # a norm has a scale and a shift for each hidden neuron
    normalised = spec.model.normalisation not in (None, "none")
    norms = 2 * sum(sizes[1:-1]) if normalised else 0
    return norms + sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))


def _hidden_numbers(spec: "RunSpec") -> int:
    return sum(spec.model.hidden)


def _describe(model: "Model") -> str:
    if model.layers:
        *first, last = neurons(model.layers)
        return f"Layers of {', '.join(map(str, first))} and {last} neurons"
    if not model.depth:
        return "Single layer"
    return f"{count(model.depth, 'layer')} of {count(model.width or 0, 'neuron')}"


def _loading_code(spec: "RunSpec", file: str) -> str:
    norm = _NORMS.get(spec.model.normalisation or "none", "")
    activation = f"nn.{TORCH_ACTIVATIONS[spec.model.activation or 'relu']}()"
    linear = [f"nn.Linear({n_in}, {n_out})" for n_in, n_out in pairwise(layer_sizes(spec))]
    between = [f"{norm.format(width)}{activation}" for width in spec.model.hidden]
    layers = [*chain.from_iterable(zip(linear, between, strict=False)), linear[-1]]
    return sequential_code(spec, file, ", ".join(layers))


MLP = Family(
    name="mlp",
    title="Network",
    about="A fully-connected network.",
    settings=("features", "layers", "depth", "width", "activation", "normalisation", "dropout"),
    size_setting="width",
    saving=("model.width", "model.depth"),
    parameters=_parameters,
    hidden_numbers=_hidden_numbers,
    describe=_describe,
    loading_code=_loading_code,
)

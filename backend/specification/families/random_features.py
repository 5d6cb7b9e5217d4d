"""Random features: hidden neurons that are drawn once, whose weighted sum is fitted."""

from textwrap import dedent
from typing import TYPE_CHECKING

from backend.specification.families.family import Family
from backend.specification.notation import count, features_code

if TYPE_CHECKING:
    from backend.specification.hyperparameters import Model
    from backend.specification.run_spec import RunSpec

_CODE = dedent("""\
    import json, numpy as np
    from safetensors import safe_open

    with safe_open("{file}", "np") as file:
        weights, about = {{key: file.get_tensor(key) for key in file.keys()}}, file.metadata()
    mean, scale = (np.array(json.loads(about[key])) for key in ("input_mean", "input_scale"))

    def predict(x):  # x: raw inputs [n, {inputs}]
        hidden = ({features} - mean) / scale @ weights["hidden.weight"].T + weights["hidden.bias"]
        return np.maximum(hidden, 0) / np.sqrt({width}) @ weights["output.weight"].T
    """)


def _parameters(spec: "RunSpec") -> int:
    return (spec.model.width or 0) * spec.dataset.output_count


def _fixed_weights(spec: "RunSpec") -> int:
    return (spec.feature_count + 1) * (spec.model.width or 0)


def _describe(model: "Model") -> str:
    return count(model.width or 0, "random feature")


def _loading_code(spec: "RunSpec", file: str) -> str:
    return _CODE.format(
        file=file,
        width=spec.model.width,
        features=features_code(spec.model.features, "np"),
        inputs=spec.dataset.input_count,
    )


RANDOM_FEATURES = Family(
    name="random_features",
    title="Random features",
    about="Neurons drawn at random, whose weighted sum is fitted.",
    settings=("features", "width"),
    size_setting="width",
    saving=("model.width",),
    parameters=_parameters,
    fixed_weights=_fixed_weights,
    describe=_describe,
    loading_code=_loading_code,
    by_gradients=False,
    closed_form=True,
    defaults={"model.width": 500},
)

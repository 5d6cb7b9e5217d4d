"""Notation of features and layers."""

from typing import Any

import numpy as np
import pytest

from backend.errors import InvalidSpec
from backend.specification import validate
from backend.specification.estimates import parameters
from backend.specification.families.mlp import layer_sizes
from backend.specification.notation import canonical_features, parse_features
from tests.specs import document, run_spec, run_specs
from worker.training.feature_maps import select_features
from worker.training.member import GroupMember


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        (" all ", "all"),
        ("x1+x2", "x1 + x2"),
        ("x1*x1 + x2*x1", "x1^2 + x1*x2"),
        ("sin(5.0*x1) + cos(1*x2)", "sin(5*x1) + cos(x2)"),
        ("x12^3", "x12^3"),
        ("sin(9999.9999*x1) + cos(0.0001*x2)", "sin(9999.9999*x1) + cos(0.0001*x2)"),
    ],
)
def test_features_have_a_canonical_form(written: str, plain: str) -> None:
    assert canonical_features(written) == plain
    assert canonical_features(plain) == plain


@pytest.mark.parametrize(
    "written",
    [
        "",
        "x0",
        "x1 +",
        "x1 x2",
        "x1 - x2",
        "x1*x2*x3",
        "tan(x1)",
        "sin(0*x1)",
        "x1 + x1",
        "x\u0663",
    ],
)
def test_an_invalid_sum_of_features_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="feature"):
        parse_features(written)


def test_features_are_functions_of_raw_inputs() -> None:
    x = np.array([[2.0, 3.0], [-1.0, 0.5]])
    features = select_features(x, "x2 + x1^2 + x1*x2 + sin(5*x1)")
    expected = [[3.0, 4.0, 6.0, np.sin(10)], [0.5, 1.0, -0.5, np.sin(-5)]]
    np.testing.assert_allclose(features, expected)


def test_features_are_standardised_for_a_network() -> None:
    member = GroupMember(run_spec("circles", model__features="x1^2 + x2^2"))
    scaled = member.features(member.data.train.x)
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(0), 1)


@pytest.mark.parametrize(
    ("hyperparameters", "sentence"),
    [
        ({"model__features": "x1 + x3"}, "model.features is x1 + x3; accepted with moons: x1 to "
         "x2, as it has 2 inputs."),
        ({"model__features": "x1, x2"}, 'model.features is "x1, x2"; accepted: all, or features '
         "joined by +, such as x1 + x2 + x1^2 + x1*x2 + sin(5*x1)."),
        ({"model__features": ["x1+x2", "x1 + x2"]}, 'model.features[1] is "x1 + x2" a second time; '
         "accepted: once each."),
        ({"model__family": "polynomial", "model__features": "x1"}, 'model.features is "x1"; '
         'accepted: "all" here, it is for family mlp or random_features only.'),
        ({"model__layers": 8}, "model.layers is 8; accepted: the neurons of 2 to 8 layers joined "
         "by -, such as 16-8-4, each from 1 to 10,000."),
        ({"model__layers": "8-4", "model__depth": 3}, "model.depth is 3; accepted: nothing here, "
         "it is for family mlp or cnn, and no layers only."),
        ({"model__layers": "9999-9999"}, "model.layers is 9999-9999, which makes 100,039,997 "
         "weights; accepted: at most 2,000,000."),
        ({"training__optimizer": "closed_form", "model__family": "polynomial",
          "training__l1_penalty": 0.1}, "training.l1_penalty is 0.1; accepted: 0.0 here, it is for "
         "optimizer sgd, adam or adamw only."),
    ],
)  # fmt: skip
def test_invalid_features_and_layers_are_refused(
    hyperparameters: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidSpec) as refused:
        validate(document("moons", **hyperparameters))
    assert [error.detail for error in refused.value.errors] == [sentence]


def test_layers_and_features_determine_the_model_size() -> None:
    spec = run_spec("moons", model__layers=" 8-4 ", model__features="x1+x1^2+sin(x2)")
    params = spec.params()
    assert params["model.layers"] == "8-4"
    assert layer_sizes(spec) == [3, 8, 4, 2]
    assert parameters(spec) == 4 * 8 + 9 * 4 + 5 * 2
    assert "model.width" not in params


def test_layers_and_features_may_be_axes() -> None:
    runs = run_specs("moons", model__layers=["8-4", "4-8"], model__features=["all", "x1"])
    axes = [(run.model.layers, run.model.features) for run in runs]
    assert axes == [("8-4", "all"), ("8-4", "x1"), ("4-8", "all"), ("4-8", "x1")]

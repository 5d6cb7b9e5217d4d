"""Number of parameters, predictions and initial weights of models."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.specification.estimates import parameters
from tests.reference import build
from tests.specs import run_spec
from worker.training import feature_maps
from worker.training.architectures import initial, predict
from worker.training.member import GroupMember

mlps = st.fixed_dictionaries(
    {
        "source": st.sampled_from(["points", "moons", "iris", "digits"]),
        "model__family": st.just("mlp"),
        "model__depth": st.integers(1, 3),
        "model__width": st.integers(1, 20),
        "model__activation": st.sampled_from(["relu", "tanh", "gelu", "sigmoid"]),
        "model__dropout": st.sampled_from([0.0, 0.5]),
        "model__normalisation": st.sampled_from(["none", "batch", "layer"]),
    }
)
single_layers = st.fixed_dictionaries(
    {
        "source": st.sampled_from(["points", "moons", "iris", "digits"]),
        "model__family": st.just("mlp"),
        "model__depth": st.just(0),
    }
)
polynomials = st.fixed_dictionaries(
    {
        "source": st.sampled_from(["points", "moons"]),
        "model__family": st.just("polynomial"),
        "model__degree": st.integers(0, 20),
    }
)

cnns = st.fixed_dictionaries(
    {
        "source": st.just("digits"),
        "model__family": st.just("cnn"),
        "model__channels": st.integers(1, 9),
        "model__depth": st.integers(1, 3),
    }
)


@settings(deadline=None)
@given(hyperparameters=mlps | single_layers | polynomials | cnns)
def test_the_estimated_number_of_parameters_is_exact(hyperparameters: dict[str, Any]) -> None:
    spec = run_spec(**hyperparameters)
    weights = initial(spec).items()
    assert sum(w.numel() for name, w in weights if "running" not in name) == parameters(spec)


@settings(deadline=None, max_examples=30)
@given(hyperparameters=mlps | single_layers | polynomials | cnns)
def test_a_model_predicts_like_plain_pytorch(hyperparameters: dict[str, Any]) -> None:
    spec = run_spec(**hyperparameters)
    member = GroupMember(spec)
    weights, plain = initial(spec), build(spec, member.n_features, member.outputs).eval()
    x = torch.from_numpy(member.features(member.data.test.x[:5])).float()
    assert torch.allclose(predict(spec, weights, x), plain(x), atol=1e-6)


@pytest.mark.parametrize("degree", [0, 1, 5])
@pytest.mark.parametrize("inputs", [1, 2])
def test_the_features_span_all_polynomials_of_the_degree(inputs: int, degree: int) -> None:
    x = np.random.default_rng(0).uniform(-1, 1, size=(100, inputs))
    target = (x.sum(axis=1) - 0.3) ** degree
    terms = feature_maps.legendre_features(x, degree)
    fitted = terms @ np.linalg.lstsq(terms, target, rcond=None)[0]
    assert np.allclose(fitted, target)


def test_initial_weights_depend_only_on_the_seed() -> None:
    torch.manual_seed(1)
    first = initial(run_spec(model__width=8))
    torch.manual_seed(2)
    same_seed = initial(run_spec(model__width=8, dataset__n_train=9))
    other_seed = initial(run_spec(model__width=8, training__seeds=[1]))
    assert all(torch.equal(first[name], same_seed[name]) for name in first)
    assert not torch.equal(first["0.weight"], other_seed["0.weight"])

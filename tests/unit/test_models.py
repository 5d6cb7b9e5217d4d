"""The models have the parameters that the cost estimate counts, and weights from the seed."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.spec.cost import parameters
from tests.specs import run_spec
from worker.training.models import Mlp, build, features

mlps = st.fixed_dictionaries(
    {
        "source": st.sampled_from(["points", "moons", "iris", "digits"]),
        "model__family": st.just("mlp"),
        "model__depth": st.integers(1, 3),
        "model__width": st.integers(1, 20),
        "model__activation": st.sampled_from(["relu", "tanh", "gelu", "sigmoid"]),
        "model__dropout": st.sampled_from([0.0, 0.5]),
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


@settings(deadline=None)
@given(knobs=mlps | single_layers | polynomials)
def test_a_model_has_as_many_parameters_as_the_estimate_says(knobs: dict[str, Any]) -> None:
    spec = run_spec(**knobs)
    assert sum(p.numel() for p in build(spec).parameters()) == parameters(spec.params())


@pytest.mark.parametrize("degree", [0, 1, 5])
@pytest.mark.parametrize("source", ["points", "moons"])
def test_a_polynomial_can_be_any_polynomial_of_its_degree(source: str, degree: int) -> None:
    spec = run_spec(source, model__family="polynomial", model__degree=degree)
    x = np.random.default_rng(0).uniform(-1, 1, size=(100, 1 if source == "points" else 2))
    target = (x.sum(axis=1) - 0.3) ** degree
    basis = features(spec, x)
    fitted = basis @ np.linalg.lstsq(basis, target, rcond=None)[0]
    assert np.allclose(fitted, target)


def test_initial_weights_follow_from_the_seed_alone() -> None:
    torch.manual_seed(1)
    one = build(run_spec(model__width=8)).state_dict()
    torch.manual_seed(2)
    two = build(run_spec(model__width=8, dataset__n_train=9)).state_dict()
    other = build(run_spec(model__width=8, training__seeds=[1])).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["0.weight"], other["0.weight"])


def test_dropout_silences_its_share_and_keeps_the_mean() -> None:
    model = Mlp([1, 10_000, 1], "relu", 0.25)
    model.initialise(torch.Generator().manual_seed(0))
    model.generator = torch.Generator().manual_seed(1)
    seen: list[torch.Tensor] = []
    model[2].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1.0)
        model.train()(torch.ones(1, 1))
        model.eval()(torch.ones(1, 1))
    training, evaluating = seen
    assert float((training == 0).float().mean()) == pytest.approx(0.25, abs=0.02)
    assert float(training.mean()) == pytest.approx(2.0, abs=0.05)
    assert torch.equal(evaluating, torch.full((1, 10_000), 2.0))

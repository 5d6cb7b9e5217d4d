"""Closed-form solutions, compared with other ways to compute them."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import load as load_arrays

from tests.specs import run_spec, run_specs
from worker.training.closed_form import solve
from worker.training.data import load
from worker.training.device import choose_device
from worker.training.group import EpochResult, Group

Array = NDArray[np.float64]
DEVICE = choose_device()  # one thread, as the order of sums depends on the number of threads


def random_problem(n: int, width: int, seed: int = 0) -> tuple[Array, Array]:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(n, width)), generator.normal(size=(n, 3))


def solved(features: Array, targets: Array, weight_decay: float = 0.0) -> Array:
    solution = solve(torch.from_numpy(features), torch.from_numpy(targets), weight_decay)
    return np.asarray(solution.numpy())


@settings(deadline=None)
@given(n=st.integers(1, 30), width=st.integers(1, 30), seed=st.integers(0, 99))
def test_without_weight_decay_the_solution_has_minimum_norm(n: int, width: int, seed: int) -> None:
    features, targets = random_problem(n, width, seed)
    expected = np.linalg.lstsq(features, targets, rcond=None)[0]
    assert np.allclose(solved(features, targets), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("n", "width"), [(20, 5), (5, 20)])
def test_duplicate_rows_and_columns_are_handled(n: int, width: int) -> None:
    features, targets = random_problem(n, width)
    doubled = np.tile(features, (2, 2))
    weights = solved(doubled, np.tile(targets, (2, 1)))
    assert np.allclose(weights[:width], weights[width:])
    assert np.allclose(2 * weights[:width], solved(features, targets))


@settings(deadline=None)
@given(n=st.integers(1, 30), width=st.integers(1, 30), decay=st.floats(1e-3, 10))
def test_with_weight_decay_the_solution_satisfies_the_normal_equations(
    n: int, width: int, decay: float
) -> None:
    features, targets = random_problem(n, width)
    ridge = decay * targets.size / 2 * np.eye(width)
    expected = np.linalg.solve(features.T @ features + ridge, features.T @ targets)
    assert np.allclose(solved(features, targets, decay), expected)


@pytest.mark.slow
def test_gradient_descent_with_weight_decay_converges_to_the_solution() -> None:
    features, targets = (torch.from_numpy(array) for array in random_problem(20, 5))
    weights = torch.zeros(5, 3, dtype=torch.float64, requires_grad=True)
    descent = torch.optim.SGD([weights], lr=1.0, weight_decay=0.1)
    for _ in range(150):
        descent.zero_grad()
        (features @ weights - targets).square().mean().backward()  # type: ignore[no-untyped-call]
        descent.step()
    assert torch.allclose(solve(features, targets, 0.1), weights.detach(), atol=1e-10)


def metrics(group: Group) -> list[dict[str, float]]:
    results = group.epoch()
    assert all(isinstance(result, EpochResult) and result.epoch == 1 for result in results)
    return [dict(result.metrics) for result in results if isinstance(result, EpochResult)]


def test_a_polynomial_is_the_least_squares_fit_of_its_powers() -> None:
    spec = run_spec("sine", model__degree=4, training__optimizer="closed_form")
    [fitted_metrics] = metrics(Group([spec], DEVICE))
    data = load(spec)
    x, y = data.train.x[:, 0], data.train.y[:, 0]
    fitted = np.polynomial.Polynomial.fit(x, y, 4)
    assert fitted_metrics["train_loss"] == pytest.approx(np.mean((fitted(x) - y) ** 2))
    test = np.mean((fitted(data.test.x[:, 0]) - data.test.y[:, 0]) ** 2)
    assert fitted_metrics["test_loss"] == pytest.approx(test)


def test_a_noiseless_line_is_recovered_from_enough_samples() -> None:
    hyperparameters: dict[str, Any] = {"dataset__n_features": 50, "dataset__target_noise": 0}
    few, enough = run_specs(
        "line", dataset__n_train=[40, 60], training__optimizer="closed_form", **hyperparameters
    )
    losses = [run_metrics["test_loss"] for run_metrics in metrics(Group([few, enough], DEVICE))]
    assert losses[0] > 0.01
    assert losses[1] < 1e-20


def test_random_features_match_their_definition() -> None:
    spec = run_spec("digits", model__family="random_features", model__width=50)
    [fitted_metrics] = metrics(group := Group([spec], DEVICE))
    weights = load_arrays(group.snapshots(0)[0].weights)
    data = load(spec)

    def hidden(x: Array) -> Array:
        product = data.scaling(x) @ weights["hidden.weight"].T + weights["hidden.bias"]
        return np.asarray(np.maximum(product, 0) / np.sqrt(50))

    one_hot = np.eye(10)[data.train.y]
    expected = np.linalg.lstsq(hidden(data.train.x), one_hot, rcond=None)[0]
    assert np.allclose(weights["output.weight"], expected.T)
    outputs = hidden(data.test.x) @ expected
    assert fitted_metrics["test_loss"] == pytest.approx(
        np.mean((outputs - np.eye(10)[data.test.y]) ** 2)
    )
    assert fitted_metrics["test_accuracy"] == pytest.approx(
        np.mean(outputs.argmax(1) == data.test.y)
    )
    assert fitted_metrics["weight_norm"] == pytest.approx(np.linalg.norm(expected))


def test_a_wider_layer_starts_with_the_features_of_a_narrower_layer() -> None:
    specs = run_specs("moons", model__family="random_features", model__width=[3, 9])
    group = Group(specs, DEVICE)
    group.epoch()
    narrow, wide = (load_arrays(group.snapshots(index)[0].weights) for index in (0, 1))
    assert np.array_equal(narrow["hidden.weight"], wide["hidden.weight"][:3])
    assert np.array_equal(narrow["hidden.bias"], wide["hidden.bias"][:3])


def test_weight_decay_shrinks_the_weights_and_raises_the_training_loss() -> None:
    specs = run_specs("moons", model__family="random_features", training__weight_decay=[0, 0.01, 1])
    fitted_metrics = metrics(Group(specs, DEVICE))
    norms = [run_metrics["weight_norm"] for run_metrics in fitted_metrics]
    assert norms == sorted(norms, reverse=True)
    assert (
        fitted_metrics[0]["train_loss"]
        < fitted_metrics[1]["train_loss"]
        < fitted_metrics[2]["train_loss"]
    )


def test_a_solution_does_not_depend_on_the_group_or_a_checkpoint() -> None:
    specs = run_specs("moons", model__family="random_features", model__width=[20, 300])
    specs += run_specs("points", model__degree=[1, 6], training__optimizer="closed_form")
    together = Group(specs, DEVICE)
    metrics_together = metrics(together)
    for index, spec in enumerate(specs):
        alone = Group([spec], DEVICE)
        assert metrics(alone) == [metrics_together[index]]
        state = {0: together.checkpoint(index)[1]}
        [snapshot, *_], [resumed, *_] = (
            group.snapshots(0) for group in (alone, Group([spec], DEVICE, checkpoints=state))
        )
        assert snapshot.fit == resumed.fit
        for name, values in load_arrays(snapshot.weights).items():
            assert np.array_equal(values, load_arrays(resumed.weights)[name])


def test_random_features_show_double_descent() -> None:
    """Test error peaks at as many features as samples, and falls again."""
    specs = run_specs(
        "digits",
        dataset__n_train=200,
        dataset__label_noise=0.15,
        model__family="random_features",
        model__width=[50, 200, 4000],
    )
    few, threshold, many = (
        1 - run_metrics["test_accuracy"] for run_metrics in metrics(Group(specs, DEVICE))
    )
    assert threshold > 2 * few
    assert threshold > 2 * many

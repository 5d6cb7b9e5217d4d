"""Closed forms against other ways to the same numbers."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from worker.training.least_squares import solve

Array = NDArray[np.float64]


def random_problem(n: int, width: int, seed: int = 0) -> tuple[Array, Array]:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(n, width)), generator.normal(size=(n, 3))


def solved(features: Array, targets: Array, weight_decay: float = 0.0) -> Array:
    found = solve(torch.from_numpy(features), torch.from_numpy(targets), weight_decay)
    return np.asarray(found.numpy())


@settings(deadline=None)
@given(n=st.integers(1, 30), width=st.integers(1, 30), seed=st.integers(0, 99))
def test_without_weight_decay_it_is_the_solution_of_minimum_norm(
    n: int, width: int, seed: int
) -> None:
    features, targets = random_problem(n, width, seed)
    expected = np.linalg.lstsq(features, targets, rcond=None)[0]
    assert np.allclose(solved(features, targets), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("n", "width"), [(20, 5), (5, 20)])
def test_repeated_rows_and_columns_do_no_harm(n: int, width: int) -> None:
    features, targets = random_problem(n, width)
    doubled = np.tile(features, (2, 2))
    found = solved(doubled, np.tile(targets, (2, 1)))
    assert np.allclose(found[:width], found[width:])
    assert np.allclose(2 * found[:width], solved(features, targets))


@settings(deadline=None)
@given(n=st.integers(1, 30), width=st.integers(1, 30), decay=st.floats(1e-3, 10))
def test_with_weight_decay_it_solves_the_normal_equations(n: int, width: int, decay: float) -> None:
    features, targets = random_problem(n, width)
    ridge = decay * targets.size / 2 * np.eye(width)
    expected = np.linalg.solve(features.T @ features + ridge, features.T @ targets)
    assert np.allclose(solved(features, targets, decay), expected)


def test_it_is_where_gradient_descent_with_weight_decay_ends() -> None:
    features, targets = (torch.from_numpy(each) for each in random_problem(20, 5))
    weights = torch.zeros(5, 3, dtype=torch.float64, requires_grad=True)
    descent = torch.optim.SGD([weights], lr=0.5, weight_decay=0.1)
    for _ in range(500):
        descent.zero_grad()
        (features @ weights - targets).square().mean().backward()  # type: ignore[no-untyped-call]
        descent.step()
    assert torch.allclose(solve(features, targets, 0.1), weights.detach(), atol=1e-10)

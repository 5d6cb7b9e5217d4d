from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.analysis.measured_cells import PartLosses, RunResult, cells
from backend.analysis.surface import Surface, surface, surfaces
from backend.analysis.surface_fit import kaplan_model, surface_model
from backend.specification.params import ParamValue, as_number

Array = NDArray[np.float64]
Model = Callable[[Array, Array], tuple[Array, Array]]

SIZES, WIDTHS = [50, 100, 200, 400, 800], [1, 4, 16, 64]


def bryant_liu(n: float, d: float, t: float) -> tuple[float, list[float]]:
    """Return the loss and the terms of a known surface."""
    terms = [2 / n**0.8, 3 / t**0.9, 0.6 * n**0.3 / d**0.6]
    h = sum(terms)
    return 0.1 + 1.9 * h / (1 + h), terms


def known_surface(noise: float = 0.0, **more: ParamValue) -> list[RunResult]:
    random = np.random.default_rng(0)
    runs = []
    for d in SIZES:
        for width in WIDTHS:
            reached = {
                t: bryant_liu(10 * width, d, t)[0] * (1 + noise * random.normal())
                for t in (4, 8, 16, 32, 64)
            }
            best = reached[64]
            runs.append(RunResult(
                {"dataset.n_train": d, "model.width": width, "training.seed": 0, **more},
                10 * width, 64, 64, PartLosses(0.1, best, best), PartLosses(0.1, best, best),
                reached=reached,
            ))  # fmt: skip
    return runs


@pytest.fixture(scope="module")
def fitted() -> Surface:
    fitted_surface = surface(cells(known_surface(noise=0.01)))
    assert isinstance(fitted_surface, Surface)
    return fitted_surface


def test_a_known_surface_is_fitted_up_to_its_noise(fitted: Surface) -> None:
    assert fitted.log_rmse < 0.03


def test_the_shares_match_the_known_terms(fitted: Surface) -> None:
    for cell in fitted.shares:
        terms = bryant_liu(cell.parameters, cell.n_train, 64)[1]
        shares = [cell.under_capacity, cell.under_training, cell.overfitting]
        assert sum(shares) == pytest.approx(1)
        assert shares == pytest.approx([term / sum(terms) for term in terms], abs=0.12)


def test_unseen_sizes_are_predicted_better_than_by_the_last_size(fitted: Surface) -> None:
    assert fitted.held_out.n_train == 800
    assert fitted.held_out.surface < fitted.held_out.constant


def test_a_cell_that_stopped_improving_has_no_training_share() -> None:
    runs = [
        replace(run, reached={**run.reached, 32: run.reached[64]}) if run.parameters == 640 else run
        for run in known_surface(noise=0.01)
    ]
    fitted_surface = surface(cells(runs))
    assert isinstance(fitted_surface, Surface)
    stopped = [
        cell_shares for cell_shares in fitted_surface.shares if cell_shares.parameters == 640
    ]
    assert all(
        cell_shares.second_half == 0 and cell_shares.under_training == 0 for cell_shares in stopped
    )
    assert all(
        cell_shares.under_capacity + cell_shares.overfitting == pytest.approx(1)
        for cell_shares in stopped
    )
    assert any(cell_shares.under_training > 0.05 for cell_shares in fitted_surface.shares)


def test_a_small_grid_is_not_assessable() -> None:
    small = [run for run in known_surface() if as_number(run.params["dataset.n_train"]) < 150]
    fitted_surface = surface(cells(small))
    assert fitted_surface == (
        "A surface needs at least 3 capacities and 4 training-set sizes, the largest to check it "
        "on; there are 4 and 2."
    )


def test_other_hyperparameters_get_their_own_surface() -> None:
    few = [
        run for noise in (0.0, 0.2)
        for run in known_surface(**{"dataset.label_noise": noise})
        if as_number(run.params["dataset.n_train"]) < 150
    ]  # fmt: skip
    settings = [fitted_surface.setting for fitted_surface in surfaces(cells(few))]
    assert settings == [{"dataset.label_noise": 0.0}, {"dataset.label_noise": 0.2}]


@pytest.mark.parametrize(("model", "x"), [
    (surface_model, [0.2, 0.5, -1, 0.7, -1.5, 0.6, -0.5, 0.3, 0.8]),
    (kaplan_model, [0.4, 0.6, 0.5, 0.3]),
])  # fmt: skip
def test_the_derivatives_match_the_model(model: Model, x: list[float]) -> None:
    sizes = np.random.default_rng(1).normal(size=(3, 20))
    at, step = np.array(x), 1e-6
    for place, derivative in enumerate(model(at, sizes)[1].T):
        moved = at + step * (np.arange(len(at)) == place)
        assert (model(moved, sizes)[0] - model(at, sizes)[0]) / step == pytest.approx(
            derivative, rel=1e-3, abs=1e-5
        )

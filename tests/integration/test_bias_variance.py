"""Bias and variance: predictions recorded by a worker, split by the service."""

from concurrent.futures import ThreadPoolExecutor
from statistics import fmean
from threading import Barrier

import pytest
from safetensors.numpy import load

from backend.runs.grid_analysis import CellSplit, bias_variance
from backend.settings import Settings
from backend.store import Database, artifacts
from tests.preset_shapes import SHAPES
from tests.training import curves, make_services, submit
from worker.tasks import train

LINE = {
    "dataset": {"source": "sine", "n_train": 20, "n_test": 150, "target_noise": 0.3},
    "model": {"family": "polynomial", "degree": [1, 5]},
    "training": {"epochs": 6, "seeds": 3},
}
MOONS = {
    "dataset": {"source": "moons", "n_train": 30, "n_test": 120},
    "model": {"width": 8},
    "training": {"epochs": 5, "seeds": 3},
}


@pytest.fixture
def trained(sqlite_settings: Settings, sqlite_database: Database) -> Database:
    services = make_services(sqlite_settings, sqlite_database)
    train(submit(sqlite_database, LINE) + submit(sqlite_database, MOONS), services)
    return sqlite_database


def last_test_loss(database: Database, *run_ids: int) -> float:
    """Return the mean over runs of the test loss at the last epoch."""
    return fmean(curves(database, run)["test_loss"][1][-1] or 0.0 for run in run_ids)


def test_predictions_are_stored_at_powers_of_two_best_and_last_epoch(
    trained: Database,
) -> None:
    with trained.read() as session:
        predictions = artifacts.predictions_of(session, [1])[1]
    losses = curves(trained, 1)["val_loss"][1]
    best = min(range(6), key=lambda at: losses[at] or 0) + 1
    assert set(predictions) == {1, 2, 4, 6, best}


def test_all_seeds_predict_the_same_inputs(trained: Database) -> None:
    with trained.read() as session:
        predictions = artifacts.predictions_of(session, [7, 8, 9])
    files = [load(by_epoch[5]) for by_epoch in predictions.values()]
    assert len({file["inputs"].tobytes() for file in files}) == 1
    assert len({file["targets"].tobytes() for file in files}) == 1
    assert len({file["outputs"].tobytes() for file in files}) == 3


def test_the_split_of_cross_entropy_adds_up_to_the_measured_test_loss(trained: Database) -> None:
    with trained.read() as session:
        [cell] = bias_variance(session, 2)
    assert (cell.loss, cell.inputs, cell.last.models) == ("cross-entropy", 120, 3)
    assert cell.last.error == pytest.approx(last_test_loss(trained, 7, 8, 9), rel=2e-3)


def test_bias_variance_and_noise_add_up_to_the_measured_test_loss(trained: Database) -> None:
    with trained.read() as session:
        cells = bias_variance(session, 1)
    assert [cell.params["model.degree"] for cell in cells] == [1, 5]
    for cell, run_ids in zip(cells, [(1, 2, 3), (4, 5, 6)], strict=True):
        measured = last_test_loss(trained, *run_ids)
        assert cell.noise == pytest.approx(0.09)
        expected = cell.last.error + 0.09
        spread = 0.09 * (2 / 150) ** 0.5 + 2 * (0.09 * cell.last.error / 150) ** 0.5
        # exceeded by chance once in 40 times for both cells
        assert abs(measured - expected) < 2.5 * spread


def test_one_seed_has_no_bias_variance_split(
    sqlite_settings: Settings, sqlite_database: Database
) -> None:
    train(
        submit(sqlite_database, {**MOONS, "training": {"epochs": 2}}),
        make_services(sqlite_settings, sqlite_database),
    )
    with sqlite_database.read() as session:
        assert bias_variance(session, 1) == []


def test_concurrent_requests_split_the_error_once(trained: Database) -> None:
    together = Barrier(4)

    def ask(_: int) -> list[CellSplit]:
        with trained.read() as session:
            together.wait()
            return bias_variance(session, 1)

    with ThreadPoolExecutor(4) as pool:
        assert len({id(splits) for splits in pool.map(ask, range(4))}) == 1


def test_the_preset_shows_bias_falling_and_variance_rising(
    sqlite_settings: Settings, sqlite_database: Database
) -> None:
    document = SHAPES["bias-variance"].document("bias-variance")
    train(submit(sqlite_database, document), make_services(sqlite_settings, sqlite_database))
    with sqlite_database.read() as session:
        [cell] = bias_variance(session, 1)
    first, middle, last = (cell.epochs[at].split for at in (0, 6, -1))
    assert first.bias > 10 * abs(last.bias)
    assert last.variance > 2 * first.variance
    assert middle.error < min(first.error, last.error)

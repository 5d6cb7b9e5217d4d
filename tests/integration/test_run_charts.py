"""The charts of a trained run: fits, weights, curves with another criterion, other seeds."""

from typing import Any

import pytest

from backend.settings import Settings
from tests.api import Api
from tests.specs import document
from tests.training import make_services, submit
from worker.tasks import train

SMALL = {"dataset__n_train": 20, "dataset__n_validation": 20, "dataset__n_test": 20}


@pytest.fixture
def trained(sqlite_api: Api, sqlite_settings: Settings) -> Api:
    """A service with runs 1 and 2, two seeds on moons, and run 3 on iris, with four inputs."""
    moons = document("moons", model__width=4, training__epochs=8, training__seeds=2, **SMALL)
    iris = document("iris", model__width=4, training__epochs=2, **SMALL)
    run_ids = submit(sqlite_api.database, moons) + submit(sqlite_api.database, iris)
    train(run_ids, make_services(sqlite_settings, sqlite_api.database))
    return sqlite_api


def chart(api: Api, path: str) -> dict[str, Any]:
    answer = api.get(f"/charts/runs/{path}")
    assert answer.status_code == 200, answer.text
    drawing: dict[str, Any] = answer.json()
    return drawing


def test_fits_are_described_with_their_epoch(trained: Api) -> None:
    last = chart(trained, "1/fit/last")
    assert "after epoch 8" in last["description"]
    assert {"Train, class 0", "Validation, class 1"} <= {trace["name"] for trace in last["data"]}
    assert chart(trained, "1/frames")["data"]


@pytest.mark.parametrize("path", ["frames", "fit/last"])
def test_a_run_with_four_inputs_has_no_picture_of_its_fit(trained: Api, path: str) -> None:
    answer = trained.get(f"/charts/runs/3/{path}")
    assert answer.status_code == 404
    assert "has no picture of its fit" in answer.json()["detail"]


def test_weights_are_drawn_once_the_run_has_snapshots(trained: Api) -> None:
    assert chart(trained, "3/weights")["data"]
    [queued] = submit(trained.database, document("moons"))
    assert trained.get(f"/charts/runs/{queued}/weights").status_code == 404


def test_another_criterion_marks_its_epoch(trained: Api) -> None:
    criterion = "criterion=patience&patience=1&min_delta=100"
    replayed = trained.get(f"/api/runs/1/early-stopping?{criterion}").json()
    assert replayed["epoch"] == 2
    description = chart(trained, f"1/loss?{criterion}")["description"]
    assert "Early stopping fires at epoch 2" in description


def test_the_other_seeds_of_a_run_are_traces(trained: Api) -> None:
    traces = trained.get("/charts/runs/1/loss/seeds").json()
    assert [trace["uid"] for trace in traces] == ["seeds train", "seeds val"]
    assert [step for step in traces[0]["x"] if step] == list(range(1, 9))
    assert trained.get("/charts/runs/999/loss/seeds").status_code == 404

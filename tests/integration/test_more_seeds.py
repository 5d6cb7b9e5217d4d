"""More seeds for an experiment, cancelling one run, and continuing cancelled runs."""

from typing import Any

import pytest

from backend.runs.more_seeds import with_more_seeds
from backend.settings import Settings
from tests.api import Api
from tests.training import curves, make_services
from worker.tasks import train

GRID = {
    "dataset": {"source": "points", "n_train": [5, 9]},
    "model": {"degree": [1, 6]},
    "training": {"epochs": 3, "seeds": 1},
}


def runs(api: Api) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = api.get("/api/experiments/1/runs").json()["items"]
    return items


@pytest.mark.parametrize(
    ("seeds", "more"), [(1, 3), (None, 3), ([7], [7, 0, 1]), ([2, 0], [2, 0, 1, 3]), ([0, 1], 4)]
)
def test_the_smallest_free_seeds_are_added(seeds: object, more: object) -> None:
    training = {} if seeds is None else {"seeds": seeds}
    assert with_more_seeds({"training": training}, 2)["training"]["seeds"] == more


def test_seeds_are_added_to_every_cell_at_their_place(
    sqlite_api: Api, sqlite_settings: Settings
) -> None:
    sqlite_api.submit(**GRID)
    train(sqlite_api.run_ids(1), make_services(sqlite_settings, sqlite_api.database))
    before = {run["id"] for run in runs(sqlite_api)}
    answer = sqlite_api.post("/api/experiments/1/seeds?add=2")
    assert (answer.status_code, answer.json()["counts"]["queued"]) == (202, 8)
    assert answer.json()["spec"]["training"]["seeds"] == 3
    after = runs(sqlite_api)
    assert [run["params"]["training.seed"] for run in after] == [0, 1, 2] * 4
    assert {run["id"] for run in after if run["status"] == "finished"} == before
    assert "12 runs" in sqlite_api.get("/experiments/1").text


def test_seeds_of_an_experiment_of_other_programs_are_refused(sqlite_api: Api) -> None:
    create = "/api/2.0/mlflow/experiments/create"
    id_ = sqlite_api.post(create, json={"name": "logged"}).json()["experiment_id"]
    assert sqlite_api.post(f"/api/experiments/{id_}/seeds").status_code == 409
    assert sqlite_api.post("/api/experiments/99/seeds").status_code == 404
    assert sqlite_api.post("/api/experiments/99/seeds?add=0").status_code == 422


def test_one_run_is_cancelled_and_continued_to_the_same_curve(
    sqlite_api: Api, sqlite_settings: Settings
) -> None:
    sqlite_api.submit(**GRID)
    first, second, *_ = sqlite_api.run_ids(1)
    assert sqlite_api.post(f"/api/runs/{first}/cancel").json()["status"] == "cancelled"
    assert [run["status"] for run in runs(sqlite_api)] == ["cancelled"] + ["queued"] * 3
    assert "Continue this run" in sqlite_api.get(f"/runs/{first}").text
    assert "Continue 1 cancelled run" in sqlite_api.get("/experiments/1").text
    assert sqlite_api.post(f"/api/runs/{second}/continue").json()["status"] == "queued"
    assert sqlite_api.post(f"/api/runs/{first}/continue").json()["status"] == "queued"
    train([first], make_services(sqlite_settings, sqlite_api.database))
    assert curves(sqlite_api.database, first)["val_loss"][0] == [1, 2, 3]


def test_the_cancelled_runs_of_an_experiment_are_continued(sqlite_api: Api) -> None:
    sqlite_api.submit(**GRID)
    sqlite_api.post("/api/experiments/1/cancel")
    continued = sqlite_api.post("/api/experiments/1/continue").json()
    assert (continued["status"], continued["counts"]["queued"]) == ("queued", 4)


def test_one_seed_offers_more_in_place_of_charts_that_answer_nothing(
    sqlite_api: Api, sqlite_settings: Settings
) -> None:
    sqlite_api.submit(**GRID)
    train(sqlite_api.run_ids(1), make_services(sqlite_settings, sqlite_api.database))
    page = sqlite_api.get("/experiments/1").text
    assert "One seed cannot tell a difference from chance" in page
    assert 'id="cause-chart"' not in page
    assert 'id="learning-chart"' in page

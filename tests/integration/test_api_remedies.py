"""Remedies over REST: from a diagnosis to a follow-up experiment and its comparison."""

from typing import Any

import pytest
from sqlalchemy import update

from backend.settings import Settings
from backend.store import Database
from backend.store.tables import Run
from tests.api import Api
from tests.specs import document
from tests.training import make_services
from worker.tasks import train

OVERFITTING = document(
    "moons",
    dataset__n_train=10,
    dataset__n_validation=50,
    dataset__n_test=50,
    model__width=64,
    training__epochs=60,
    training__seeds=[7, 3],
)


@pytest.fixture
def diagnosed(sqlite_api: Api) -> Api:
    """A service with an experiment that has one overfitting cell of two seeds."""
    assert sqlite_api.post("/api/experiments", json=OVERFITTING).status_code == 201
    with sqlite_api.database.write() as session:
        session.execute(update(Run).values(status="finished", verdict="overfitting"))
    return sqlite_api


def test_remedies_are_offered_for_the_most_severe_cell(diagnosed: Api) -> None:
    remedies = diagnosed.get("/api/experiments/1/remedies").json()
    [cell] = remedies["cells"]
    assert (cell["runs"], cell["verdict"]) == ([1, 2], "overfitting")
    first = cell["remedies"][0]
    assert (first["slug"], first["changes"]) == ("more-data", {"dataset.n_train": 40})
    assert first["proposed"]
    assert not cell["remedies"][-1]["proposed"]


def test_label_smoothing_is_the_first_remedy_for_over_confidence(diagnosed: Api) -> None:
    finding = {"findings": [{"rule": "over-confident"}]}
    with diagnosed.database.write() as session:
        session.execute(update(Run).values(verdict="good fit", diagnosis=finding))
    [cell] = diagnosed.get("/api/experiments/1/remedies").json()["cells"]
    assert cell["remedies"][0]["slug"] == "label-smoothing"


def test_a_dry_run_returns_the_cost_and_stores_nothing(
    diagnosed: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Database, "write")
    answer = diagnosed.post("/api/experiments/1/remedies?dry_run=true", json={"seeds": 3})
    assert answer.status_code == 200
    cost = answer.json()
    assert cost["runs"] == 3 * len(cost["variants"])
    assert cost["variants"][:2] == ["baseline", "More data"]
    assert cost["spec"]["training"]["seeds"] == [7, 3, 0]
    assert diagnosed.count_experiments() == 1


def test_the_follow_up_trains_each_remedy_on_the_seeds_of_the_baseline(diagnosed: Api) -> None:
    wanted = {"run": 2, "remedies": ["dropout", "early-stopping"], "seeds": 3}
    answer = diagnosed.post("/api/experiments/1/remedies", json=wanted)
    assert answer.status_code == 201, answer.text
    created = answer.json()
    assert created["variants"] == ["baseline", "Dropout", "Early stopping"]
    items = diagnosed.get(f"/api/experiments/{created['id']}/runs").json()["items"]
    assert [item["params"]["training.seed"] for item in items] == [7, 3, 0] * 3
    assert [item["params"]["model.dropout"] for item in items] == [0, 0, 0, 0.5, 0.5, 0.5, 0, 0, 0]
    follow_up = diagnosed.get(f"/api/experiments/{created['id']}").json()
    assert (follow_up["parent_id"], follow_up["parent_run_id"]) == (1, 1)
    [listed] = diagnosed.get("/api/experiments/1/remedies").json()["follow_ups"]
    assert listed["id"] == created["id"]
    repeated = diagnosed.post("/api/experiments/1/remedies?dry_run=true", json=wanted).json()
    assert (repeated["twin"]["id"], repeated["spec"]["name"]) == (
        created["id"],
        f"{created['name']} (2)",
    )
    repeated_with_seeds = diagnosed.post(
        "/api/experiments/1/remedies?dry_run=true", json={"seeds": 3}
    ).json()
    assert repeated_with_seeds["twin"] is None


def test_the_baseline_of_a_follow_up_is_the_chosen_run(diagnosed: Api) -> None:
    created = diagnosed.post("/api/experiments/1/remedies", json={"seeds": 2}).json()
    first = diagnosed.get(f"/api/experiments/{created['id']}/runs").json()["items"][0]
    assert first["params"] == diagnosed.get("/api/runs/1").json()["params"]


def test_the_comparison_ranks_the_trained_variants(
    diagnosed: Api, sqlite_settings: Settings
) -> None:
    wanted = {"remedies": ["more-data", "early-stopping"], "seeds": 3}
    created = diagnosed.post("/api/experiments/1/remedies", json=wanted).json()
    path = f"/api/experiments/{created['id']}/comparison"
    assert diagnosed.get(path).json()["complete"] is False
    train(diagnosed.run_ids(created["id"]), make_services(sqlite_settings, diagnosed.database))
    comparison = diagnosed.get(f"{path}?at=last").json()
    assert comparison["complete"]
    assert {variant["name"] for variant in comparison["variants"]} == {
        "More data",
        "Early stopping",
    }
    differences = [variant["differences"]["test_loss"] for variant in comparison["variants"]]
    assert [difference["pairs"] for difference in differences] == [3, 3]
    assert differences[0]["mean"] <= differences[1]["mean"] < 0
    assert "test_accuracy" in comparison["variants"][0]["differences"]
    stopped = next(
        variant for variant in comparison["variants"] if variant["name"] == "Early stopping"
    )
    assert stopped["epochs"] < 60
    assert stopped["cost"] < 1


def test_runs_are_compared_at_their_best_epoch_by_default(
    diagnosed: Api, sqlite_settings: Settings
) -> None:
    wanted = {"remedies": ["early-stopping"], "seeds": 2}
    created = diagnosed.post("/api/experiments/1/remedies", json=wanted).json()
    train(diagnosed.run_ids(created["id"]), make_services(sqlite_settings, diagnosed.database))
    comparison = diagnosed.get(f"/api/experiments/{created['id']}/comparison").json()
    assert comparison["at"] == "best"
    assert comparison["variants"][0]["differences"]["val_loss"]["mean"] == 0
    page = diagnosed.get(created["url"]).text
    assert page.index("<dt>If you train on</dt>") < page.index("<dt>If you keep the best snapshot")
    assert "<small>the same model</small>" in page
    assert "no difference" not in page


@pytest.fixture
def crossed(sqlite_api: Api, sqlite_settings: Settings) -> Api:
    """A service with experiment 1: two variants, each with two cells of two seeds."""
    document = {
        "dataset": {"source": "moons", "n_train": [20, 40], "n_test": 50, "n_validation": 50},
        "model": {"width": 4},
        "training": {"epochs": 3, "seeds": 2},
        "variants": [{"name": "baseline"}, {"name": "fast", "training": {"learning_rate": 0.1}}],
    }
    created = sqlite_api.post("/api/experiments", json=document).json()
    run_ids = sqlite_api.run_ids(created["id"])
    train(run_ids, make_services(sqlite_settings, sqlite_api.database))
    return sqlite_api


def test_variants_with_axes_are_compared_by_cell_and_seed(crossed: Api) -> None:
    comparison = crossed.get("/api/experiments/1/comparison").json()
    assert comparison["settings"] == [{"dataset.n_train": 20}, {"dataset.n_train": 40}]
    losses = [
        run["summary"]["test_loss"]["last"]
        for run in crossed.get("/api/experiments/1/runs").json()["items"]
    ]
    [fast] = comparison["variants"]
    assert (comparison["seeds"], fast["cells"], fast["n_train"]) == (2, 2, None)
    difference = fast["differences"]["test_loss"]
    assert difference["pairs"] == 2  # seeds, not runs
    assert difference["mean"] == pytest.approx((sum(losses[4:]) - sum(losses[:4])) / 4)
    variant = crossed.get("/api/experiments/1/comparison?setting=1").json()["variants"][0]
    expected = (sum(losses[6:]) - sum(losses[2:4])) / 2
    assert variant["differences"]["test_loss"]["mean"] == pytest.approx(expected)
    assert crossed.get("/api/experiments/1/comparison?setting=2").status_code == 404


def test_the_page_compares_variants_in_all_cells_or_in_one(crossed: Api) -> None:
    page = crossed.get("/experiments/1?setting=1").text
    assert "all 2 cells together" in page
    assert '<option value="1" selected>train samples 40</option>' in page
    assert crossed.get("/charts/experiments/1/comparison?setting=1").status_code == 200


def test_a_variant_that_sets_an_axis_cannot_be_paired(sqlite_api: Api) -> None:
    document = {
        "dataset": {"source": "moons"}, "model": {"width": [4, 8]},
        "variants": [{"name": "a"}, {"name": "b", "model": {"width": 16}}],
    }  # fmt: skip
    created = sqlite_api.post("/api/experiments", json=document).json()
    answer = sqlite_api.get(f"/api/experiments/{created['id']}/comparison")
    assert answer.status_code == 404
    assert "one sets model.width" in answer.json()["detail"]
    assert "one sets model.width" in sqlite_api.get(created["url"]).text


@pytest.mark.parametrize(
    ("body", "status", "field", "words"),
    [
        ({"remedies": ["prayer"]}, 422, "remedies[0]", "more-data"),
        ({"remedies": ["dropout", "dropout"]}, 422, "remedies[1]", "each once"),
        ({"remedies": []}, 422, "remedies", "1 or more"),
        ({"seeds": 1}, 422, "seeds", "2 or more"),
        ({"seeds": "5"}, 422, "seeds", "a whole number"),
        ({"run": 99}, 404, None, "no run 99"),
        ({"cell": {"model.width": 3}}, 404, None, "model.width"),
        ({"runs": 1}, 422, "runs", "no such field"),
        ([], 422, "", "names with their values"),
    ],
)
def test_invalid_variants_are_refused(
    diagnosed: Api, body: Any, status: int, field: str | None, words: str
) -> None:
    answer = diagnosed.post("/api/experiments/1/remedies", json=body)
    assert (answer.status_code, answer.json()["field"]) == (status, field), answer.text
    assert words in answer.json()["detail"]


def test_without_a_diagnosis_there_are_no_remedies(sqlite_api: Api) -> None:
    answer = sqlite_api.post(f"/api/experiments/{sqlite_api.submit()}/remedies")
    assert answer.status_code == 404
    assert "no diagnosis" in answer.json()["detail"]
    assert sqlite_api.get("/api/experiments/1/comparison").status_code == 404


def test_the_run_page_states_that_remedies_are_for_the_whole_cell(crossed: Api) -> None:
    assert "These answer the 2 runs of its cell, which differ in their seed only" in (
        crossed.get("/runs/1").text
    )

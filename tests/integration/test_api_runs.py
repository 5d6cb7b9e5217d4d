"""Reading a run, its metrics and its snapshots over REST."""

import math
from typing import Any

import pytest

from backend.store import artifacts, metrics
from tests.api import Api, record_epochs


@pytest.fixture
def run_id(api: Api) -> int:
    return api.run_ids(api.submit())[0]


def put(api: Api, run_id: int, **series: list[float]) -> None:
    with api.database.write() as session:
        points = [
            metrics.Point(run_id, key, step, value, 0)
            for key, values in series.items()
            for step, value in enumerate(values, 1)
        ]
        metrics.record(session, points)


def test_a_run_contains_its_summary_and_diagnosis(api: Api, run_id: int) -> None:
    put(api, run_id, train_loss=[3, 2, 1], val_loss=[3, 2, 4])
    item = api.get(f"/api/runs/{run_id}").json()
    assert item["params"]["model.degree"] == 1
    assert item["best_epoch"] == 2
    assert item["summary"]["val_loss"] == {
        "last": 4, "last_step": 3, "min": 2, "min_step": 2, "max": 4, "max_step": 3,
        "at_best": None,
    }  # fmt: skip
    assert (item["diagnosis"]["verdict"], item["diagnosis"]["confidence"]) == ("overfitting", "low")


def test_metrics_are_returned_whole_or_in_part(api: Api, run_id: int) -> None:
    put(api, run_id, train_loss=[3, 2], val_loss=[5, 4])
    path = f"/api/runs/{run_id}/metrics"
    assert api.get(path).json().keys() == {"train_loss", "val_loss"}
    chosen = api.get(f"{path}?keys=val_loss,test_loss").json()
    assert chosen["val_loss"] == {"steps": [1, 2], "values": [5, 4]}
    assert chosen["test_loss"] == {"steps": [], "values": []}


def test_values_that_are_not_finite_are_null(api: Api, run_id: int) -> None:
    put(api, run_id, val_loss=[1, math.nan, math.inf, -math.inf])
    values = api.get(f"/api/runs/{run_id}/metrics").json()["val_loss"]["values"]
    assert values == [1, None, None, None]
    assert api.get(f"/api/runs/{run_id}").json()["summary"]["val_loss"]["max"] is None


def test_thinned_metrics_keep_end_points_and_minimum(api: Api, run_id: int) -> None:
    put(api, run_id, val_loss=[abs(step - 617) + 1.0 for step in range(1, 1001)])
    thinned = api.get(f"/api/runs/{run_id}/metrics?max_points=50").json()["val_loss"]
    assert len(thinned["steps"]) <= 50
    assert {1, 617, 1000} <= set(thinned["steps"])
    assert thinned["values"][thinned["steps"].index(617)] == 1


def test_a_snapshot_is_downloaded_as_a_file(api: Api, run_id: int) -> None:
    with api.database.write() as session:
        artifacts.put_snapshots(session, [(run_id, "best", 2, b"tensors", None)])
    answer = api.get(f"/api/runs/{run_id}/snapshots/best")
    assert answer.content == b"tensors"
    assert answer.headers["content-type"] == "application/octet-stream"
    name = f"run-{run_id}-best.safetensors"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'


def test_a_missing_snapshot_is_not_found(api: Api, run_id: int) -> None:
    answer = api.get(f"/api/runs/{run_id}/snapshots/last")
    assert answer.status_code == 404
    assert answer.json()["detail"] == f"Run {run_id} has no last snapshot yet."


@pytest.mark.parametrize("path", ["", "/metrics", "/snapshots/best"])
def test_an_unknown_run_is_not_found(api: Api, path: str) -> None:
    answer = api.get(f"/api/runs/7{path}")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "There is no run 7."


def test_a_listed_run_contains_its_summary(api: Api, run_id: int) -> None:
    record_epochs(api.database, 1, run_id, range(1, 4))
    first, second = api.get("/api/experiments/1/runs").json()["items"]
    assert first["summary"]["val_loss"]["last_step"] == 3
    assert second["summary"] == {}


LOSSES = [3.0, 2.0, 1.0, 1.5, 1.6, 0.5, 2.0]


def early_stop(api: Api, run_id: int, query: str = "") -> dict[str, Any]:
    outcome: dict[str, Any] = api.get(f"/api/runs/{run_id}/early-stopping{query}").json()
    return outcome


def test_another_criterion_is_replayed(api: Api, run_id: int) -> None:
    put(api, run_id, train_loss=LOSSES, val_loss=LOSSES, test_loss=[x + 10 for x in LOSSES])
    outcome = early_stop(api, run_id, "?criterion=gl&alpha=40")
    assert (outcome["criterion"], outcome["settings"]) == ("gl", {"alpha": 40})
    assert (outcome["epoch"], outcome["epochs"], outcome["epochs_saved"]) == (4, 7, 3)
    assert outcome["at_stop"] == {
        "epoch": 4, "val_loss": 1.5, "test_loss": 11.5, "loss_given_up": 1.0
    }  # fmt: skip
    assert outcome["restored"]["epoch"] == 3
    assert outcome["best"]["epoch"] == 6


def test_the_criterion_of_the_run_is_replayed_by_default(api: Api, run_id: int) -> None:
    put(api, run_id, train_loss=LOSSES, val_loss=LOSSES)
    assert early_stop(api, run_id)["settings"]["patience"] == 20
    assert early_stop(api, run_id)["epoch"] is None
    assert early_stop(api, run_id, "?patience=2")["epoch"] == 5


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("criterion=best", "criterion", "accepted: patience, gl, pq, up"),
        ("patience=-1", "patience", "a whole number from 0"),
        ("patience=many", "patience", '"many"; accepted: a whole number'),
        ("criterion=gl&alpha=nan", "alpha", "nan; accepted: a number above 0"),
        ("criterion=up&alpha=3", "alpha", "with criterion gl or pq only"),
    ],
)
def test_an_invalid_criterion_is_refused(
    api: Api, run_id: int, query: str, field: str, words: str
) -> None:
    answer = api.get(f"/api/runs/{run_id}/early-stopping?{query}")
    assert answer.status_code == 422
    assert answer.json()["field"] == f"early_stopping.{field}"
    assert words in answer.json()["detail"]


def test_metrics_are_downloaded_with_one_row_per_step(api: Api) -> None:
    experiment_id = api.submit()
    run_id = api.run_ids(experiment_id)[0]
    record_epochs(api.database, experiment_id, run_id, range(1, 4), "train_loss")
    record_epochs(api.database, experiment_id, run_id, range(2, 4), "val_loss")
    answer = api.get(f"/api/runs/{run_id}/metrics.csv")
    assert answer.text == "step,train_loss,val_loss\n1,1.0,\n2,2.0,2.0\n3,3.0,3.0\n"
    assert (
        answer.headers["content-disposition"] == f'attachment; filename="run-{run_id}-metrics.csv"'
    )
    assert api.get("/api/runs/999/metrics.csv").status_code == 404

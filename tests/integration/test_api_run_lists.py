"""Lists of runs of all experiments, over REST."""

from typing import Any

import pytest

from backend.runs import lifecycle
from tests.api import Api, record_epochs


def listed(api: Api, **query: Any) -> list[int]:
    answer = api.get("/api/runs", params=query)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


def test_runs_of_all_experiments_are_listed_newest_first(api: Api) -> None:
    first = api.run_ids(api.submit(name="One"))
    second = api.run_ids(api.submit(name="Two"))
    items = api.get("/api/runs").json()["items"]
    assert [item["id"] for item in items] == sorted(first + second, reverse=True)
    assert items[0]["name"] == "Two"
    assert items[0]["created_at"]


def test_params_and_metrics_can_be_filtered_and_ordered(api: Api) -> None:
    experiment_id = api.submit(model={"degree": [1, 6]}, training={"epochs": 3, "seeds": 2})
    runs = api.run_ids(experiment_id)
    for place, run_id in enumerate(runs):
        record_epochs(api.database, experiment_id, run_id, range(1, 3 + place))
    run_ids = listed(api, filter="params.degree = 6 and metrics.val_loss > 1")
    assert sorted(run_ids) == runs[2:]
    assert listed(api, order_by="metrics.val_loss desc") == runs[::-1]
    assert listed(api, filter='params.source = "points" and not status = queued') == []
    assert api.get("/api/runs/count", params={"filter": "params.degree = 6"}).json() == {"runs": 2}


def test_cursors_lead_through_all_pages(api: Api) -> None:
    runs = api.run_ids(api.submit(model={"degree": [1, 2, 3]}))
    page = api.get("/api/runs", params={"limit": 2, "order_by": "params.degree"}).json()
    assert [item["id"] for item in page["items"]] == runs[:2]
    query = {"limit": 2, "order_by": "params.degree", "cursor": page["next_cursor"]}
    rest = api.get("/api/runs", params=query).json()
    assert [item["id"] for item in rest["items"]] == runs[2:]
    assert rest["next_cursor"] is None


HUGE = "WyIiLCBbdHJ1ZSwgMTE4MDU5MTYyMDcxNzQxMTMwMzQyNF1d"  # the id is 2**70


@pytest.mark.parametrize(
    "cursor", ["x", "W10", "bnVsbA", "WyIiLCBbdHJ1ZSwgInR3byJdXQ", HUGE, "\u2713"]
)
def test_a_cursor_of_another_list_is_refused(sqlite_api: Api, cursor: str) -> None:
    answer = sqlite_api.get("/api/runs", params={"cursor": cursor})
    assert answer.status_code == 422
    assert answer.json()["field"] == "cursor"
    assert "accepted: the next_cursor of a list in the same order" in answer.json()["detail"]


def test_an_invalid_filter_names_the_position(sqlite_api: Api) -> None:
    answer = sqlite_api.get("/api/runs", params={"filter": "verdict = overfiting"})
    assert answer.status_code == 422
    assert answer.json() == {
        "error": "invalid",
        "detail": "At position 11 of the filter: there is no verdict “overfiting”; "
        "did you mean “overfitting”?",
        "field": "filter",
    }


def test_ended_runs_can_be_sorted_by_the_value_at_the_best_epoch(api: Api) -> None:
    experiment_id = api.submit()
    runs = api.run_ids(experiment_id)
    for run_id in runs:
        record_epochs(api.database, experiment_id, run_id, range(2, 5))
        record_epochs(api.database, experiment_id, run_id, range(2, 5), key="test_loss")
    assert listed(api, filter="metrics.test_loss.best is null") == runs[::-1]
    api.post(f"/api/experiments/{experiment_id}/cancel")
    with api.database.write() as session:
        lifecycle.close(session, runs)
    assert listed(api, filter="metrics.test_loss.best = 2") == runs[::-1]
    summary = api.get(f"/api/runs/{runs[0]}").json()["summary"]
    assert summary["test_loss"]["at_best"] == 2


def test_a_filter_may_list_values_up_to_its_maximum_length(api: Api) -> None:
    ids = api.run_ids(api.submit())
    wanted = ",".join(str(run_id) for run_id in [ids[0], *range(10, 1010)])
    assert listed(api, filter=f"id in ({wanted})") == ids[:1]
    assert listed(api, filter=f"id not in ({wanted})") == ids[1:]

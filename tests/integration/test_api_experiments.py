"""Submitting, listing, reading and cancelling experiments over REST."""

from pathlib import Path

import pytest
from redis import Redis

from backend.main import create_app
from backend.runs.states import STATES
from backend.settings import Settings
from backend.store import Database, connections, transitions
from tests.api import SPEC, Api


def test_submitting_stores_the_experiment_and_its_runs(api: Api) -> None:
    answer = api.post("/api/experiments", json={"name": "Dots", **SPEC})
    assert answer.status_code == 201
    assert answer.json() == {"id": 1, "name": "Dots", "url": "/experiments/1", "runs": 2}
    assert answer.headers["location"] == "/api/experiments/1"
    assert len(api.run_ids(1)) == 2


def test_submitting_queues_the_runs(api: Api, valkey_url: str) -> None:
    api.submit()
    with Redis.from_url(valkey_url) as redis:
        [queue] = redis.keys("train.any*")
        assert redis.llen(queue) == 1


def test_submitting_without_a_broker_stores_the_runs(sqlite_url: str, tmp_path: Path) -> None:
    broker = f"unix://{tmp_path}/nobody.sock"
    api = Api(create_app(Settings(data_dir=tmp_path, database=sqlite_url, broker=broker)))
    assert api.get(f"/api/experiments/{api.submit()}").json()["status"] == "queued"


def test_yaml_and_json_are_equivalent(sqlite_api: Api) -> None:
    text = "dataset: {source: points}\nmodel: {degree: [1, 6]}\ntraining: {epochs: 3}\n"
    yaml = {"content-type": "application/yaml; charset=utf-8"}
    first = sqlite_api.post("/api/experiments", content=text, headers=yaml).json()
    second = sqlite_api.post("/api/experiments", json=SPEC).json()
    specs = [
        sqlite_api.get(f"/api{experiment_id['url']}").json()["spec"]
        for experiment_id in (first, second)
    ]
    assert specs[0] == specs[1]


def test_a_dry_run_estimates_and_stores_nothing(api: Api) -> None:
    answer = api.post("/api/experiments?dry_run=true", json=SPEC)
    assert answer.status_code == 200
    estimate = answer.json()
    assert (estimate["runs"], estimate["parameters"]) == (2, [2, 7])
    assert estimate["estimated_seconds"] > 0
    assert api.count_experiments() == 0


def test_an_experiment_reports_its_state(api: Api) -> None:
    item = api.get(f"/api/experiments/{api.submit(name='Dots')}").json()
    assert item["counts"] == dict.fromkeys(STATES, 0) | {"queued": 2}
    assert (item["id"], item["name"], item["status"]) == (1, "Dots", "queued")
    assert item["spec"] == {"name": "Dots", **SPEC}
    assert item["created_at"].endswith("+00:00")


def test_experiments_are_listed_newest_first_in_pages(api: Api) -> None:
    ids = [api.submit() for _ in range(3)]
    first = api.get("/api/experiments?limit=2").json()
    assert [item["id"] for item in first["items"]] == [ids[2], ids[1]]
    rest = api.get(f"/api/experiments?limit=2&cursor={first['next_cursor']}").json()
    assert [item["id"] for item in rest["items"]] == [ids[0]]
    assert rest["next_cursor"] is None


def test_runs_are_listed_in_grid_order_in_pages(api: Api) -> None:
    path = f"/api/experiments/{api.submit(model={'degree': [1, 2, 3]})}/runs?limit=2"
    first = api.get(path).json()
    rest = api.get(f"{path}&cursor={first['next_cursor']}").json()
    items = first["items"] + rest["items"]
    assert [item["params"]["model.degree"] for item in items] == [1, 2, 3]
    assert [item["parameters"] for item in items] == [2, 3, 4]
    assert rest["next_cursor"] is None


def test_cancelling_runs_locked_by_a_paused_worker_times_out(
    postgresql_url: str, valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections.SESSION_SETTINGS, "lock_timeout", "200")
    api = Api(create_app(Settings(data_dir=tmp_path, database=postgresql_url, broker=valkey_url)))
    experiment_id, asleep = api.submit(), Database(postgresql_url)
    with asleep.write() as session:
        transitions.claim(session, api.run_ids(experiment_id), worker="asleep", lease_seconds=60)
        answer = api.post(f"/api/experiments/{experiment_id}/cancel")
    detail = "The database is read-only at the moment; try again."
    assert (answer.status_code, answer.json()["detail"]) == (503, detail)
    assert api.post(f"/api/experiments/{experiment_id}/cancel").status_code == 202
    asleep.dispose()
    api.database.dispose()


def test_cancelling_ends_queued_runs(api: Api) -> None:
    experiment_id = api.submit()
    answer = api.post(f"/api/experiments/{experiment_id}/cancel")
    assert answer.status_code == 202
    assert answer.json()["status"] == "cancelled"
    assert api.get(f"/api/experiments/{experiment_id}").json()["counts"]["cancelled"] == 2


def test_cancelling_twice_changes_nothing(sqlite_api: Api) -> None:
    path = f"/api/experiments/{sqlite_api.submit()}/cancel"
    assert sqlite_api.post(path).json() == sqlite_api.post(path).json()


def test_retrying_queues_only_failed_runs(sqlite_api: Api) -> None:
    experiment_id = sqlite_api.submit()
    first, second = sqlite_api.run_ids(experiment_id)
    fail(sqlite_api, first)
    item = sqlite_api.post(f"/api/experiments/{experiment_id}/retry").json()
    assert (item["status"], item["counts"]["queued"], item["counts"]["failed"]) == ("queued", 2, 0)
    sqlite_api.post(f"/api/experiments/{experiment_id}/cancel")
    answer = sqlite_api.post(f"/api/runs/{second}/retry")
    assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")


def test_one_failed_run_can_be_retried(sqlite_api: Api) -> None:
    first, second = sqlite_api.run_ids(sqlite_api.submit())
    fail(sqlite_api, first)
    fail(sqlite_api, second)
    assert sqlite_api.post(f"/api/runs/{first}/retry").json()["status"] == "queued"
    assert sqlite_api.get(f"/api/runs/{second}").json()["status"] == "failed"


@pytest.mark.parametrize(
    "call",
    [
        "GET /api/experiments/7",
        "GET /api/experiments/7/runs",
        "POST /api/experiments/7/cancel",
        "POST /api/experiments/7/retry",
    ],
)
def test_an_unknown_experiment_is_not_found(api: Api, call: str) -> None:
    answer = api.request(*call.split())
    assert answer.status_code == 404
    detail = "There is no experiment 7."
    assert answer.json() == {"error": "not_found", "detail": detail, "field": None}


def fail(api: Api, run_id: int) -> None:
    with api.database.write() as session:
        [claimed] = transitions.claim(session, [run_id], worker="w", lease_seconds=60)
        transitions.end(session, [transitions.Ending(claimed.lease, "failed", "It broke.")])

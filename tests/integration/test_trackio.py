"""The protocol of Trackio's client, with requests as version 0.43 of the client sends them."""

import math
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from backend.main import create_app
from backend.settings import Settings
from backend.store import metrics
from tests.api import Api

RUN = uuid4().hex
CONFIG = {
    "lr": 0.1,
    "model": {"width": 8, "layers": [1, 2]},
    "_Username": "ada",
    "_Created": "2026-11-23T10:00:00+00:00",
    "_Group": "first",
}


def entry(step: int | None, *, config: Any = None, log_id: str | None = None, **values: Any) -> Any:
    return {
        "project": "digits", "run": "brave-sunset-0", "run_id": RUN, "metrics": values,
        "step": step, "config": config, "log_id": log_id or uuid4().hex,
    }  # fmt: skip


def call(api: Api, function: str, **arguments: Any) -> httpx.Response:
    body = {"args": [], "kwargs": {**arguments, "hf_token": None}}
    return api.post(f"/api/{function}", json=body)


def log(api: Api, *entries: Any) -> None:
    response = call(api, "bulk_log", logs=list(entries))
    assert (response.status_code, response.json()) == (200, {"data": None})


def the_run(api: Api) -> Any:
    [item] = api.get("/api/runs").json()["items"]
    return item


def curve(api: Api, key: str) -> dict[int, float]:
    with api.database.read() as session:
        return metrics.series(session, the_run(api)["id"], [key])[key].by_step


def test_the_client_learns_the_version_of_the_protocol(sqlite_api: Api) -> None:
    assert sqlite_api.get("/version").json()["api_version"] == 1


def test_a_run_has_its_project_name_id_user_and_config(api: Api) -> None:
    log(api, entry(0, config=CONFIG, loss=1.0))
    run = the_run(api)
    assert (run["name"], run["run_name"], run["external_id"]) == ("digits", "brave-sunset-0", RUN)
    assert (run["user_name"], run["source"], run["tags"]) == ("ada", "trackio", {"group": "first"})
    assert run["params"] == {"lr": "0.1", "model.width": "8", "model.layers": "[1, 2]"}
    assert run["started_at"] == "2026-11-23T10:00:00.000+00:00"


def test_an_entry_that_is_sent_again_is_logged_once(api: Api) -> None:
    first, second = entry(0, loss=2.0), entry(1, loss=1.0)
    log(api, first, second)
    log(api, {**second, "metrics": {"loss": 9.0}}, entry(2, loss=0.5), first, first)
    assert curve(api, "loss") == {0: 2.0, 1: 1.0, 2: 0.5}


def test_numbers_are_logged_and_other_values_left_out(sqlite_api: Api) -> None:
    table = {"_type": "trackio.table", "_value": [{"a": 1}]}
    log(sqlite_api, entry(0, loss="NaN", ok=True, note="text", table=table, eval={"loss": 0.3}))
    log(sqlite_api, entry(1, loss="-Infinity"))
    assert set(the_run(sqlite_api)["summary"]) == {"loss", "ok", "eval.loss"}
    assert curve(sqlite_api, "loss")[1] == -math.inf


def test_the_later_of_two_values_of_a_step_counts(sqlite_api: Api) -> None:
    log(sqlite_api, entry(3, loss=5.0), entry(3, loss=4.0))
    assert curve(sqlite_api, "loss") == {3: 4.0}


def test_an_entry_without_a_step_follows_the_last_one(sqlite_api: Api) -> None:
    log(sqlite_api, entry(7, loss=5.0))
    log(sqlite_api, entry(None, loss=4.0), entry(None, loss=3.0))
    assert curve(sqlite_api, "loss") == {7: 5.0, 8: 4.0, 9: 3.0}


def test_a_resumed_run_keeps_its_first_config_and_gets_new_params(sqlite_api: Api) -> None:
    log(sqlite_api, entry(0, config=CONFIG, loss=1.0))
    log(sqlite_api, entry(1, config={"lr": 0.5, "dropout": 0.2}, loss=1.0))
    params = the_run(sqlite_api)["params"]
    assert (params["lr"], params["dropout"]) == ("0.1", "0.2")


def test_a_client_that_resumes_a_run_learns_its_id_and_last_step(sqlite_api: Api) -> None:
    log(sqlite_api, entry(41, config=CONFIG, loss=1.0))
    [known] = call(sqlite_api, "get_runs_for_project", project="digits").json()["data"]
    summary = call(sqlite_api, "get_run_summary", project="digits", run_id=RUN).json()["data"]
    assert (known["id"], known["name"]) == (RUN, "brave-sunset-0")
    assert known["created_at"] == "2026-11-23T10:00:00.000+00:00"
    assert summary["last_step"] == 41


@pytest.mark.parametrize("project", ["digits", "other"])
def test_an_unknown_run_or_project_is_empty(sqlite_api: Api, project: str) -> None:
    log(sqlite_api, entry(1, loss=1.0))
    arguments = {"project": project, "run": "unknown"}
    assert call(sqlite_api, "get_run_summary", **arguments).json()["data"]["last_step"] is None
    assert call(sqlite_api, "get_runs_for_project", project="x").json() == {"data": []}


def test_system_metrics_are_logged_over_seconds(api: Api) -> None:
    log(api, entry(0, config=CONFIG, loss=1.0))
    sample = {**entry(None), "metrics": {"cpu": 40}, "timestamp": "2026-11-23T10:00:20.500+00:00"}
    for _ in range(2):
        response = call(api, "bulk_log_system", logs=[sample])
        assert response.status_code == 200, response.text
    assert curve(api, "system/cpu") == {20: 40.0}


def test_an_alert_is_a_tag_of_its_run(api: Api) -> None:
    alert = {
        "project": "digits", "run": "brave-sunset-0", "run_id": RUN, "title": "Diverged",
        "text": "loss is NaN", "level": "error", "step": 12,
        "timestamp": "2026-11-23T10:00:20+00:00", "alert_id": "a1",
    }  # fmt: skip
    for _ in range(2):
        assert call(api, "bulk_alert", alerts=[alert]).status_code == 200
    assert list(the_run(api)["tags"].values()) == ["error at step 12: Diverged: loss is NaN"]


def test_a_run_without_an_id_is_found_by_project_and_name(sqlite_api: Api) -> None:
    for step in (0, 1):
        log(sqlite_api, {**entry(step, loss=1.0), "run_id": None})
    assert len(curve(sqlite_api, "loss")) == 2


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"project": None}, "kwargs.logs.1.project"),
        ({"metrics": [1]}, "metrics"),
        ({"step": 1.5}, "a whole number"),
        ({"step": 2**70}, "step is"),
        ({"metrics": {"k" * 251: 1.0}}, "251 characters"),
        ({"project": "p" * 501, "run_id": None}, "501 characters"),
    ],
)
def test_a_wrong_entry_is_refused_in_a_sentence_and_nothing_is_logged(
    sqlite_api: Api, wrong: dict[str, Any], sentence: str
) -> None:
    response = call(
        sqlite_api, "bulk_log", logs=[entry(0, loss=1.0), {**entry(1, loss=1.0), **wrong}]
    )
    assert response.status_code == 422
    assert sentence in response.json()["detail"]
    assert sqlite_api.get("/api/runs").json()["items"] == []


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"kwargs": 1}', b""])
def test_a_malformed_body_is_refused_in_a_sentence(sqlite_api: Api, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    response = sqlite_api.post("/api/bulk_log", content=body, headers=headers)
    assert response.status_code == 422
    assert response.json()["detail"].endswith(".")


def test_a_deleted_run_takes_no_entries(sqlite_api: Api) -> None:
    log(sqlite_api, entry(0, loss=1.0))
    sqlite_api.request("DELETE", f"/api/runs/{the_run(sqlite_api)['id']}")
    response = call(sqlite_api, "bulk_log", logs=[entry(1, loss=1.0)])
    assert response.status_code == 409
    assert "restore it first" in response.json()["detail"]


@pytest.mark.parametrize(
    ("token", "status"), [("0123456789abcdef", 200), ("fedcba9876543210", 401)]
)
def test_the_write_token_is_the_token_of_the_service(
    sqlite_settings: Settings, token: str, status: int
) -> None:
    api = Api(
        create_app(sqlite_settings.model_copy(update={"token": SecretStr("0123456789abcdef")}))
    )
    response = api.get("/version", headers={"x-trackio-write-token": token})
    assert response.status_code == status

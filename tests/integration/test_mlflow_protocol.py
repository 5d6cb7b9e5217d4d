"""MLflow's protocol beyond its recorded outcomes: retries, writers at once, refusals, files."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from backend.main import create_app
from backend.settings import Settings
from backend.tracking import file_store
from tests.api import Api

LOG = "/api/2.0/mlflow/"
FILES = "/api/2.0/mlflow-artifacts/artifacts/"
TOKEN = "a-token-of-some-length"  # noqa: S105 - a test value


def new_run(api: Api, experiment: str = "0") -> str:
    response = api.post(f"{LOG}runs/create", json={"experiment_id": experiment})
    return str(response.json()["run"]["info"]["run_id"])


def points(*steps: int, key: str = "loss") -> list[dict[str, Any]]:
    return [{"key": key, "value": step / 7, "timestamp": 1000 + step, "step": step}
            for step in steps]  # fmt: skip


def log(api: Api, run: str, **fields: Any) -> int:
    return api.post(f"{LOG}runs/log-batch", json={"run_id": run, **fields}).status_code


def history(api: Api, run: str, key: str = "loss") -> list[int]:
    query = {"run_id": run, "metric_key": key}
    answer = api.get(f"{LOG}metrics/get-history", params=query).json()
    return [metric["step"] for metric in answer.get("metrics", [])]


def test_a_batch_that_is_sent_again_is_logged_once(api: Api) -> None:
    run = new_run(api)
    for _ in range(3):
        assert log(api, run, metrics=points(0, 1, 2), params=[{"key": "a", "value": "1"}]) == 200
    assert history(api, run) == [0, 1, 2]


def test_batches_in_any_order_lose_nothing(api: Api) -> None:
    run = new_run(api)
    for steps in ((20, 21), (0, 1), (10, 11), (1, 2)):
        log(api, run, metrics=points(*steps))
    assert history(api, run) == [0, 1, 2, 10, 11, 20, 21]


def test_two_writers_of_one_run_both_succeed(api: Api) -> None:
    run = new_run(api)

    def write(offset: int) -> None:
        for step in range(offset, 40, 2):
            log(api, run, metrics=points(step))

    writers = [threading.Thread(target=write, args=[offset]) for offset in (0, 1)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert history(api, run) == list(range(40))


def test_a_refused_batch_leaves_nothing(api: Api) -> None:
    run = new_run(api)
    log(api, run, params=[{"key": "a", "value": "1"}])
    changed = [{"key": "b", "value": "2"}, {"key": "a", "value": "other"}]
    assert log(api, run, metrics=points(5), params=changed, tags=changed) == 400
    data = api.get(f"{LOG}runs/get", params={"run_id": run}).json()["run"]["data"]
    assert data["params"] == [{"key": "a", "value": "1"}]
    assert history(api, run) == []


def test_logged_runs_are_listed_and_read_like_others(api: Api) -> None:
    run = new_run(api)
    log(api, run, metrics=points(0, 1), params=[{"key": "width", "value": "32"}])
    [item] = api.get("/api/runs", params={"filter": f'external_id = "{run}"'}).json()["items"]
    metrics = api.get(f"/api/runs/{item['id']}/metrics").json()
    assert "loss" in str(metrics)


@pytest.mark.parametrize("prefix", ["/api/2.0", "/ajax-api/2.0", "/mlflow/api/2.0"])
def test_every_prefix_answers_and_refuses_in_the_envelope(sqlite_api: Api, prefix: str) -> None:
    query = {"experiment_id": "0"}
    found = sqlite_api.get(f"{prefix}/mlflow/experiments/get", params=query)
    assert found.json()["experiment"]["name"] == "Default"
    missing = sqlite_api.get(f"{prefix}/mlflow/nothing")
    assert (missing.status_code, missing.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")


def test_refusals_of_the_service_itself_are_in_the_envelope(sqlite_settings: Settings) -> None:
    api = Api(create_app(sqlite_settings.model_copy(update={"max_log_bytes": 2000})))
    large = api.post(f"{LOG}runs/log-batch", json={"run_id": "r", "metrics": points(*range(50))})
    foreign = {"origin": "http://elsewhere.example"}
    other_site = api.post(f"{LOG}runs/log-batch", json={}, headers=foreign)
    host = api.get(f"{LOG}experiments/get", headers={"host": "elsewhere.example"})
    for response, status in ((large, 413), (other_site, 403), (host, 403)):
        assert response.status_code == status
        assert set(response.json()) == {"error_code", "message"}


def test_a_missing_token_is_refused_in_the_envelope(sqlite_settings: Settings) -> None:
    settings = Settings(**{**sqlite_settings.model_dump(exclude={"token"}), "token": TOKEN})
    api = Api(create_app(settings))
    refused = api.post(f"{LOG}runs/create", json={"experiment_id": "0"})
    assert (refused.status_code, refused.json()["error_code"]) == (401, "UNAUTHENTICATED")
    bearer = {"authorization": f"Bearer {TOKEN}"}
    accepted = api.post(f"{LOG}runs/create", json={"experiment_id": "0"}, headers=bearer)
    assert accepted.status_code == 200
    api.app.state.log_writer.stop()


def test_deeply_nested_json_is_refused(sqlite_api: Api) -> None:
    content = b'{"run_id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    headers = {"content-type": "application/json"}
    response = sqlite_api.post(f"{LOG}runs/log-batch", content=content, headers=headers)
    assert (response.status_code, response.json()["error_code"]) == (
        400,
        "INVALID_PARAMETER_VALUE",
    )


def test_a_file_is_only_ever_downloaded(sqlite_api: Api) -> None:
    sqlite_api.request("PUT", f"{FILES}0/r/artifacts/page.html", content=b"<script>x</script>")
    response = sqlite_api.get(f"{FILES}0/r/artifacts/page.html")
    assert response.content == b"<script>x</script>"
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"].startswith("attachment")
    assert response.headers["content-security-policy"].startswith("sandbox")
    assert response.headers["x-content-type-options"] == "nosniff"


def stored(api: Api) -> list[Path]:
    folder = Path(api.app.state.settings.data_dir) / "artifacts"
    return [path for path in folder.rglob("*") if path.is_file()]


def test_no_name_of_a_client_is_a_path_on_disk(sqlite_api: Api) -> None:
    for name in ("0/r/artifacts/weights.bin", "0/r/artifacts/con", "0/r/artifacts/a b?.txt"):
        sqlite_api.request("PUT", f"{FILES}{name}", content=b"the same content")
    [path] = stored(sqlite_api)
    assert len(path.name) == 64
    assert path.read_bytes() == b"the same content"


def test_unused_contents_are_removed_later(
    sqlite_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("kept", "deleted"):
        sqlite_api.request("PUT", f"{FILES}0/r/{name}", content=name.encode())
    sqlite_api.request("DELETE", f"{FILES}0/r/deleted")
    state = sqlite_api.app.state
    file_store.remove_unused(state.database, state.files)
    assert len(stored(sqlite_api)) == 2  # both are new: the row of one may not be committed yet
    for path in stored(sqlite_api):
        os.utime(path, (0, 0))
    file_store.remove_unused(state.database, state.files)
    assert [path.read_bytes() for path in stored(sqlite_api)] == [b"kept"]


def test_the_links_that_clients_print_lead_to_our_pages(sqlite_api: Api) -> None:
    run = new_run(sqlite_api)
    [item] = sqlite_api.get("/api/runs").json()["items"]
    page = sqlite_api.get(f"/runs/of-client/{run}")
    assert (page.status_code, page.headers["location"]) == (303, f"/runs/{item['id']}")
    page = sqlite_api.get("/experiments/of-client/0")
    assert page.headers["location"] == f"/experiments/{item['experiment_id']}"
    assert sqlite_api.get("/runs/of-client/nobody").status_code == 404
    assert sqlite_api.get("/mlflow/").headers["location"] == "/"


@pytest.mark.parametrize("path", ["runs/search", "logged-models/search"])
def test_a_search_names_up_to_10_000_experiments(api: Api, path: str) -> None:
    new_run(api)
    accepted = api.post(LOG + path, json={"experiment_ids": ["0"] * 10_000})
    assert accepted.status_code == 200
    refused = api.post(LOG + path, json={"experiment_ids": ["0"] * 10_001})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "up to 10,000" in refused.json()["message"]


def test_the_number_of_queries_does_not_grow_with_the_experiments(sqlite_api: Api) -> None:
    new_run(sqlite_api)

    statements: list[object] = []
    engine = sqlite_api.app.state.database.engine
    event.listen(engine, "before_cursor_execute", lambda *sent: statements.append(sent[2]))

    def queries(count: int) -> int:
        statements.clear()
        ids = ["0", *map(str, range(100, 100 + count))]
        response = sqlite_api.post(f"{LOG}runs/search", json={"experiment_ids": ids})
        assert len(response.json()["runs"]) == 1
        return len(statements)

    assert queries(900) == queries(2) > 0


def test_other_lists_of_searches_and_links_are_limited(sqlite_api: Api) -> None:
    run = new_run(sqlite_api)
    models = [{"model_id": f"m-{number}"} for number in range(1001)]
    order = [{"field_name": "name"}] * 21
    for path, edge, beyond in (
        ("runs/outputs", {"run_id": run, "models": models[:-1]}, {"run_id": run, "models": models}),
        ("logged-models/search", {"order_by": order[:-1]}, {"order_by": order}),
    ):
        assert sqlite_api.post(LOG + path, json=edge).status_code == 200
        refused = sqlite_api.post(LOG + path, json=beyond)
        assert refused.json()["error_code"] == "INVALID_PARAMETER_VALUE"

"""Limits of waiting runs: exactly as many as allowed, and one more."""

import pytest

from backend.main import create_app
from backend.settings import Settings
from tests.api import SPEC, Api
from tests.integration.test_api_experiments import fail


@pytest.mark.parametrize("limit", ["max_queued_runs", "max_queued_runs_per_token"])
def test_as_many_runs_may_wait_as_the_limit_allows(settings: Settings, limit: str) -> None:
    api = Api(create_app(Settings(**{**settings.model_dump(), limit: 4})))
    for _ in range(2):  # of two runs each
        assert api.post("/api/experiments", json=SPEC).status_code == 201
    answer = api.post("/api/experiments", json=SPEC)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert f"LAB_{limit.upper()} (4)" in answer.json()["detail"]
    assert api.count_experiments() == 2
    api.post("/api/experiments/1/cancel")
    assert api.post("/api/experiments", json=SPEC).status_code == 201


@pytest.mark.parametrize("path", ["/api/experiments/1/retry", "/api/runs/1/retry"])
@pytest.mark.parametrize("limit", ["max_queued_runs", "max_queued_runs_per_token"])
def test_retried_runs_count_as_waiting(sqlite_settings: Settings, limit: str, path: str) -> None:
    api = Api(create_app(Settings(**{**sqlite_settings.model_dump(), limit: 3})))
    api.submit()
    fail(api, 1)
    api.submit()  # now three wait
    answer = api.post(path)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert api.get("/api/runs/1").json()["status"] == "failed"
    api.post("/api/experiments/2/cancel")
    assert api.post(path).status_code == 202
    assert api.get("/api/runs/1").json()["status"] == "queued"

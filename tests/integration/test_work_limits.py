"""Limits of the work for one request, and of the requests that do heavy work at once."""

import asyncio
import threading
from collections.abc import Callable
from itertools import count
from types import SimpleNamespace

import pytest
from sqlalchemy import text
from starlette.types import ASGIApp, Receive, Scope, Send

from backend import work_budget
from backend.errors import ClientLeft, TooExpensive
from backend.main import create_app
from backend.settings import Settings
from backend.store import Database
from backend.store.metric_storage import VALUE_BYTES
from backend.web import heavy_work
from backend.web.requests import CLIENT_WATCH
from backend.work_budget import ClientWatch, budget
from tests.api import SPEC, Api, record_epochs
from tests.integration.test_api_analysis import GRID, finish

HEAVY = [
    "/experiments/1",
    "/experiments/1/live",
    "/runs/1",
    "/compare?cells=1,7",
    "/charts/compare/val?cells=1,7",
    "/charts/runs/1/loss",
    "/charts/small-curve?runs=1,2,3",
    "/charts/experiments/1/learning-curve",
    "/charts/experiments/1/parallel",
    "/api/experiments/1/analysis",
    "/api/experiments/1/export?format=html",
    "/api/runs/1/metrics",
]


def app_with(settings: Settings, **limits: object) -> Api:
    return Api(create_app(Settings(**{**settings.model_dump(), **limits})))


@pytest.fixture
def grid(sqlite_api: Api) -> Api:
    """An app whose first experiment has finished, and which has cached nothing."""
    finish(sqlite_api, sqlite_api.submit(**GRID))
    return sqlite_api


def clocks(thread_time: Callable[[], float], perf_counter: Callable[[], float]) -> SimpleNamespace:
    """Return clocks for budgets: processor time of the thread, and elapsed time."""
    return SimpleNamespace(thread_time=thread_time, perf_counter=perf_counter)


@pytest.mark.parametrize("path", HEAVY)
def test_a_page_chart_or_analysis_ends_with_its_budget(
    grid: Api, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = count(step=11)  # a look at it takes more than LAB_WORK_SECONDS
    monkeypatch.setattr(work_budget, "time", clocks(lambda: next(clock), lambda: next(clock)))
    answer = grid.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/json")
    assert "(LAB_WORK_SECONDS)" in answer.json()["detail"]


@pytest.mark.parametrize(("spent", "status"), [(1.0, 200), (1.01, 422)])
def test_a_submission_may_take_as_long_as_the_limit(
    sqlite_settings: Settings, spent: float, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    used, elapsed = iter([0.0, 0.0]), iter([0.0, 0.0])  # two threads begin
    clock = clocks(lambda: next(used, spent), lambda: next(elapsed, spent))
    monkeypatch.setattr(work_budget, "time", clock)
    api = app_with(sqlite_settings, work_seconds=1)
    assert api.post("/api/experiments?dry_run=true", json=SPEC).status_code == status


ENDLESS = text(
    "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers) "
    "SELECT count(*) FROM numbers"
)


def test_a_statement_ends_with_the_budget(database: Database) -> None:
    limited = budget(0.05, ClientWatch())
    with database.read() as session, limited, pytest.raises(TooExpensive, match="LAB_WORK_SECONDS"):
        session.execute(ENDLESS)
    with database.read() as session:  # the connection can be used again, without a limit
        assert session.scalar(text("SELECT 1")) == 1


def test_a_statement_ends_when_the_client_leaves(sqlite_database: Database) -> None:
    client = ClientWatch()
    leaving = threading.Timer(0.05, setattr, (client, "gone", True))
    with sqlite_database.read() as session, budget(60, client), pytest.raises(ClientLeft):
        leaving.start()
        session.execute(ENDLESS)


class Gone:
    """An app whose clients have closed their connections."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watch = ClientWatch()
        watch.gone = True
        await self._app({**scope, "state": {CLIENT_WATCH: watch}}, receive, send)


@pytest.mark.parametrize("path", HEAVY)
def test_nothing_is_computed_for_a_client_that_has_left(grid: Api, path: str) -> None:
    app = grid.app
    grid.app = Gone(app)  # type: ignore[assignment]
    answer = grid.get(path)
    grid.app = app
    assert answer.json()["error"] == "client_left"


@pytest.mark.parametrize("path", ["/charts/small-curve?runs=1", "/api/runs/1/metrics"])
def test_a_request_may_read_as_many_bytes_as_the_limit(
    sqlite_settings: Settings, path: str
) -> None:
    most = 1024
    api = app_with(sqlite_settings, work_bytes=most)
    epochs = most // (2 * VALUE_BYTES)  # a step and a value each
    api.submit()
    record_epochs(api.database, 1, 1, range(1, epochs + 1))
    assert api.get(path).status_code == 200
    record_epochs(api.database, 1, 1, range(epochs + 1, epochs + 2))
    answer = api.get(path)
    assert (answer.status_code, answer.json()["error"]) == (422, "too_expensive")
    assert "LAB_WORK_BYTES" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/experiments/1", "/charts/experiments/1/cause", "/api/runs"])
def test_heavy_requests_wait_for_a_place(
    sqlite_settings: Settings, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heavy_work, "MAX_WAIT_SECONDS", 0.05)
    api = app_with(sqlite_settings, max_heavy_requests=1)
    api.submit()
    asyncio.run(api.app.state.heavy_work.acquire())
    answer = api.get(path)
    assert answer.status_code == 503
    assert "(LAB_MAX_HEAVY_REQUESTS)" in answer.json()["detail"]
    assert api.get("/healthz").status_code == 200
    api.app.state.heavy_work.release()
    assert [api.get(path).status_code for _ in range(3)] == [200] * 3

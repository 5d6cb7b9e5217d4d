"""`lab watch --until`: exit codes, with a client that calls the app in this process."""

from typing import Any

import pytest

from backend.cli import watch
from backend.errors import InvalidInput
from backend.specification.params import JsonObject
from backend.tracking.experiments import find_or_create
from tests.api import Api
from tests.external import finished_run, start_run


class AppClient:
    """The client of the command line, without a server."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def get(self, path: str, **query: Any) -> JsonObject:
        response = self._api.get(path, params=query)
        if response.status_code == 422:
            raise InvalidInput(response.json()["detail"])
        body: JsonObject = response.json()
        return body


def until(api: Api, verdict: str = "overfitting") -> int:
    return watch.follow_until(AppClient(api), 1, verdict)  # type: ignore[arg-type]


def test_it_ends_with_0_when_a_run_has_the_verdict(
    sqlite_api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    finished_run(sqlite_api.database)
    start_run(sqlite_api.database)  # still running
    assert until(sqlite_api) == 0
    assert "Run 1 has the verdict overfitting" in capsys.readouterr().out


def test_it_ends_with_3_when_all_runs_ended_without_it(sqlite_api: Api) -> None:
    finished_run(sqlite_api.database)
    assert until(sqlite_api, "diverged") == watch.VERDICT_MISSED


def test_an_unknown_verdict_is_refused(sqlite_api: Api) -> None:
    finished_run(sqlite_api.database)
    with pytest.raises(InvalidInput, match="--until is 'overfitted'; accepted: overfitting"):
        until(sqlite_api, "overfitted")


def test_an_experiment_without_runs_is_not_watched_for_ever(
    sqlite_api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with sqlite_api.database.write() as session:
        find_or_create(session, "empty")
    monkeypatch.setattr(watch, "FIRST_RUN_SECONDS", 0)
    assert until(sqlite_api) == watch.VERDICT_MISSED
    assert "No run with the verdict overfitting" in capsys.readouterr().out


def test_external_runs_have_a_row_each_without_empty_columns(sqlite_api: Api) -> None:
    for hidden in ("8", "64"):
        finished_run(sqlite_api.database, params={"net.hidden": hidden, "seed": "0"})
    runs = sqlite_api.get("/api/experiments/1/runs").json()["items"]
    head, *rows = watch.runs_table(runs).splitlines()
    assert head.split()[:3] == ["run", "net.hidden", "best"]
    assert "n_train" not in head
    assert len(rows) == 2

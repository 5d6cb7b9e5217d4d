"""`lab watch --until`: exit codes, with a client that calls the app in this process."""

from typing import Any

import pytest

from backend.cli import watch
from backend.errors import InvalidInput
from backend.specification.params import JsonObject
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
    with pytest.raises(InvalidInput, match="there is no verdict"):
        until(sqlite_api, "overfitted")

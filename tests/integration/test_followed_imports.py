"""Imports of logs that grow while their training writes them."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api import Api
from tests.e2e.proxy import Proxy
from tests.integration.test_imports import GOOD, File, as_file, imported
from tests.product import ROOT, wait_for


def log_of(epochs: int, **changed: float) -> dict[str, list[float]]:
    log = {name: values[:epochs] for name, values in GOOD.items()}
    return {**log, "loss": [*log["loss"][:-1], changed.get("last", log["loss"][-1])]}


def followed(api: Api, *files: File, ended: str = "false") -> list[dict[str, Any]]:
    return list(imported(api, *files, follow="a log", ended=ended)["runs"])


def loss_of(api: Api, run_id: int) -> list[float]:
    return list(api.get(f"/api/runs/{run_id}/metrics").json()["loss"]["values"])


def test_a_followed_log_gets_its_new_points_and_ends(api: Api) -> None:
    [first] = followed(api, as_file("log.json", log_of(5)))
    assert api.get(f"/api/runs/{first['id']}").json()["status"] == "running"
    [later] = followed(api, as_file("log.json", log_of(30)))
    [last] = followed(api, as_file("log.json", log_of(30)), ended="true")
    assert first["id"] == later["id"] == last["id"]
    assert last["notes"][-1] == "it has no new points"
    assert loss_of(api, first["id"]) == GOOD["loss"]
    assert api.get(f"/api/runs/{first['id']}").json()["status"] == "finished"


def test_a_value_that_was_incomplete_is_replaced(sqlite_api: Api) -> None:
    [run] = followed(sqlite_api, as_file("log.json", log_of(5, last=9.0)))
    followed(sqlite_api, as_file("log.json", log_of(6)))
    assert loss_of(sqlite_api, run["id"]) == GOOD["loss"][:6]


def test_an_ended_log_is_not_imported_again(sqlite_api: Api) -> None:
    [run] = followed(sqlite_api, as_file("log.json", log_of(30)), ended="true")
    [again] = imported(sqlite_api, as_file("log.json", log_of(30)))["runs"]
    assert again["id"] == run["id"]


def test_the_first_run_of_a_folder_goes_on_when_a_second_one_begins(sqlite_api: Api) -> None:
    first = as_file("logs/a/log.json", log_of(5))
    [run] = followed(sqlite_api, first)
    grown = as_file("logs/a/log.json", log_of(6))
    two = followed(sqlite_api, grown, as_file("logs/b/log.json", {**GOOD, "loss": [9.0] * 30}))
    assert two[0]["id"] == run["id"] != two[1]["id"]


@pytest.fixture
def proxied(lab: str) -> Any:
    with Proxy(lab) as proxy:
        yield proxy


def test_the_command_follows_a_file_through_a_lost_connection(
    lab: str, proxied: Proxy, tmp_path: Path
) -> None:
    path = tmp_path / "log.json"
    path.write_text(json.dumps(log_of(5)))
    command = ["import", "--follow", path.name, "--experiment", f"followed {tmp_path}"]
    with subprocess.Popen(
        [sys.executable, "-m", "backend.cli", *command, "--server", proxied.url],
        cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PATH": ""}, text=True,
        stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            run_id = int(process.stdout.readline().removeprefix("Run ").split(":")[0])
            proxied.cut()
            path.write_text(json.dumps(log_of(30)))
            proxied.restore()
            url = f"{lab}/api/runs/{run_id}"
            wait_for(lambda: len(httpx.get(f"{url}/metrics").json()["loss"]["values"]) == 30)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
            assert httpx.get(url).json()["status"] == "finished"
        finally:
            process.kill()

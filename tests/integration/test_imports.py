"""POST /api/imports: logs of other programs become external runs."""

import json
from typing import Any

import httpx
import pytest

from tests.api import Api

OVERFITTING = {
    "loss": [2.0**-e for e in range(30)],
    "val_loss": [0.5 + abs(e - 8) / 20 for e in range(30)],
    "accuracy": [1 - 2.0**-e for e in range(30)],
}
GOOD = {"loss": [2.0**-e for e in range(30)], "val_loss": [0.3 + 2.0**-e for e in range(30)]}

File = tuple[str, tuple[str, bytes]]


def as_file(name: str, content: object) -> File:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return ("file", (name, data))


def send(api: Api, *files: File, dry_run: bool = False, **fields: str) -> httpx.Response:
    query = "?dry_run=true" if dry_run else ""
    return api.post(f"/api/imports{query}", files=list(files), data=fields)


def imported(api: Api, *files: File, **fields: str) -> dict[str, Any]:
    answer = send(api, *files, **fields)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_a_log_becomes_a_finished_run_with_all_metrics(api: Api) -> None:
    answer = imported(api, as_file("over.json", OVERFITTING), experiment="mine")
    [run] = answer["runs"]
    stored = api.get(f"/api/runs/{run['id']}").json()
    assert (run["name"], run["verdict"]) == ("over.json", "overfitting")
    assert (stored["status"], stored["verdict"], stored["source"]) == (
        "finished", "overfitting", "import",
    )  # fmt: skip
    metrics = api.get(f"/api/runs/{run['id']}/metrics").json()
    assert metrics["accuracy"]["values"] == OVERFITTING["accuracy"]
    assert api.get(f"/api/experiments/{answer['experiment']}").json()["name"] == "mine"


def test_a_second_import_adds_nothing_and_answers_with_the_run(api: Api) -> None:
    first = imported(api, as_file("over.json", OVERFITTING))
    again = imported(api, as_file("copy.json", OVERFITTING), as_file("good.json", GOOD))
    assert again["runs"][0]["id"] == first["runs"][0]["id"]
    assert "it was imported before, so nothing is added" in again["runs"][0]["notes"]
    assert len(api.run_ids(first["experiment"])) == 2


def test_a_dry_run_stores_nothing(sqlite_api: Api) -> None:
    answer = send(sqlite_api, as_file("over.json", OVERFITTING), dry_run=True)
    assert answer.status_code == 200
    [run] = answer.json()["runs"]
    assert (answer.json()["experiment"], run["id"], run["verdict"]) == (None, None, "overfitting")
    assert (run["preview"]["epochs"], run["preview"]["train"]) == (30, "loss")
    assert sqlite_api.count_experiments() == 0

"""The live endpoints of pages: parts that changed since a viewer last asked."""

import re
from typing import Any

import pytest

from backend.store import Database, transitions
from frontend.live_parts import LivePages
from frontend.pages import run
from tests.api import Api, record_epochs
from tests.scenes import SCENES, write_scene

GRID = {
    "dataset": {"source": "moons", "n_train": [20, 50]},
    "model": {"width": [2, 16]},
    "training": {"epochs": 9},
}


@pytest.fixture(autouse=True)
def always_newest(sqlite_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Render for each request; the unit tests cover the pace."""
    monkeypatch.setattr("frontend.live_parts.MIN_SECONDS", 0.0)
    sqlite_api.app.state.live_pages = LivePages(share=1e9)


def claim(database: Database, run_ids: list[int]) -> None:
    with database.write() as session:
        transitions.claim(session, run_ids, worker="test", lease_seconds=3600)


def update(api: Api, path: str, version: int = 0) -> dict[str, Any]:
    answer = api.get(f"{path}/live?seen={version}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_every_part_of_a_live_experiment_has_its_element(sqlite_api: Api) -> None:
    experiment_id = sqlite_api.submit(**GRID)
    page = sqlite_api.get(f"/experiments/{experiment_id}").text
    parts = update(sqlite_api, f"/experiments/{experiment_id}")["parts"]
    assert {"overview", "cell-0-0-0", "cell-0-1-1", "run-1", "parallel"} <= parts.keys()
    for name, html in parts.items():
        assert re.match(rf'<[a-z-]+ [^>]*id="{name}"', html), html
        assert f'id="{name}"' in page


def test_only_cells_and_rows_of_runs_that_moved_are_sent(sqlite_api: Api) -> None:
    experiment_id = sqlite_api.submit(**GRID)
    [first, *_] = run_ids = sqlite_api.run_ids(experiment_id)
    claim(sqlite_api.database, run_ids)
    before = update(sqlite_api, f"/experiments/{experiment_id}")
    record_epochs(sqlite_api.database, experiment_id, first, range(1, 4))
    after = update(sqlite_api, f"/experiments/{experiment_id}", before["version"])
    assert after["revision"] > before["revision"]
    assert after["parts"].keys() >= {"cell-0-0-0", f"run-{first}"}
    assert after["parts"].keys().isdisjoint({"cell-0-1-1", f"run-{run_ids[-1]}"})


def test_a_page_that_was_just_loaded_lacks_nothing(sqlite_api: Api) -> None:
    experiment_id = sqlite_api.submit(**GRID)
    update(sqlite_api, f"/experiments/{experiment_id}")
    page = sqlite_api.get(f"/experiments/{experiment_id}").text
    version = int(re.findall(r'data-version="(\d+)"', page)[0])
    parts = update(sqlite_api, f"/experiments/{experiment_id}", version)["parts"]
    assert parts.keys() <= {"overview"}  # the time left moves by itself


def test_a_run_sends_its_texts_and_marks(sqlite_api: Api) -> None:
    _, [run_id] = write_scene(sqlite_api.database, SCENES["running"])
    body = update(sqlite_api, f"/runs/{run_id}")
    best = sqlite_api.get(f"/api/runs/{run_id}").json()["best_epoch"]
    assert body["stage"] == "running, with epochs"
    assert body["charts"]["loss"]["marks"]["best epoch"] == best
    assert body["charts"]["loss"]["description"].startswith("Loss after epoch 30: train 0.")
    page = sqlite_api.get(f"/runs/{run_id}").text
    assert body["parts"].keys() == run.LIVE_PARTS.keys()
    assert all(f'id="{name}"' in page for name in body["parts"])


def test_the_texts_of_a_growing_chart_are_those_of_its_figure(sqlite_api: Api) -> None:
    _, [run_id] = write_scene(sqlite_api.database, SCENES["running"])
    charts = update(sqlite_api, f"/runs/{run_id}")["charts"]
    for name, chart in charts.items():
        figure = sqlite_api.get(f"/charts/runs/{run_id}/{name}").json()
        assert (figure["description"], figure["marks"]) == (chart["description"], chart["marks"])


def test_curves_that_are_smoothed_or_zoomed_have_no_marks_to_move(sqlite_api: Api) -> None:
    run_id = sqlite_api.run_ids(sqlite_api.submit(**GRID))[0]
    for query in ("smoothing=0.5", "first=3"):
        answer = sqlite_api.get(f"/runs/{run_id}/live?{query}")
        assert answer.json()["charts"] == {}


@pytest.mark.parametrize("path", ["/experiments/7/live", "/runs/7/live"])
def test_live_parts_of_nothing_are_not_found(sqlite_api: Api, path: str) -> None:
    assert sqlite_api.get(path).status_code == 404

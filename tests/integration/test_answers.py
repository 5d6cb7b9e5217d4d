"""The diagnosis of a table: a first grid within a time, and a page with four answers."""

from pathlib import Path

import pytest

from backend.own_data.first_grid import first_grid
from backend.specification.estimates import estimated_seconds
from tests.api import Api
from tests.integration.test_datasets import upload
from tests.tables import line, use_table, write_table
from tests.training import make_services
from worker.tasks import train

QUESTIONS = ("Is there enough data?", "How much capacity?", "How long to train?", "regularisation?")


@pytest.mark.parametrize("seconds", [30, 120, 1200])
def test_the_first_grid_fits_into_its_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seconds: int
) -> None:
    facts = use_table(monkeypatch, tmp_path, line(rows=4000))
    spec = first_grid(facts, seconds=seconds, workers=1)
    assert estimated_seconds(spec.runs, workers=1) <= seconds / 2
    assert len(spec.axes["model.width"]) == 4


def test_a_tiny_table_gets_a_grid_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    facts = use_table(monkeypatch, tmp_path, line(rows=12))
    assert first_grid(facts, seconds=120, workers=1).axes["dataset.n_train"] == [8]


def test_a_diagnosis_needs_a_target(sqlite_api: Api, tmp_path: Path) -> None:
    added = upload(sqlite_api, write_table(tmp_path, line()), name="own")
    answer = sqlite_api.post(f"/api/datasets/{added}/diagnosis")
    assert (answer.status_code, answer.json()["field"]) == (422, "target")


def test_answers_come_with_their_evidence(sqlite_api: Api, tmp_path: Path) -> None:
    upload(sqlite_api, write_table(tmp_path, line(60)), name="own", target="y")
    spec = {
        "dataset": {"source": "own", "n_train": [9, 18, 36]},
        "model": {"width": 2},
        "training": {"epochs": 4, "seeds": 2},
    }
    id_ = sqlite_api.submit(**spec)
    url = f"/experiments/{id_}/answers"
    assert "as soon as the first runs have finished" in sqlite_api.get(url).text
    settings, database = sqlite_api.app.state.settings, sqlite_api.database
    train(sqlite_api.run_ids(id_), make_services(settings, database))
    page = sqlite_api.get(url).text
    assert all(question in page for question in QUESTIONS)
    assert "With 4 times the 36 training rows" in page
    assert "only one value of it was measured" in page

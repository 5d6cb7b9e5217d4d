"""Accuracy on the pages, where there are classes."""

import pytest

from backend.settings import Settings
from tests.api import Api
from tests.training import make_services
from worker.tasks import train

DIGITS = {
    "dataset": {"source": "digits", "n_train": [30, 60], "n_test": 100},
    "model": {"width": 4},
    "training": {"epochs": 6, "seeds": 2},
}
LINE = {"dataset": {"source": "points"}, "model": {"degree": [1, 2]}, "training": {"epochs": 2}}


@pytest.fixture
def trained(sqlite_api: Api, sqlite_settings: Settings) -> Api:
    """A service with experiment 1 on digits (runs 1 to 4) and experiment 2 on a line."""
    for document in (DIGITS, LINE):
        ids = sqlite_api.run_ids(sqlite_api.submit(**document))
        train(ids, make_services(sqlite_settings, sqlite_api.database))
    return sqlite_api


def test_a_run_shows_its_confusion_matrix_and_the_misread_images(trained: Api) -> None:
    page = trained.get("/runs/1").text
    assert "Confusion matrix" in page
    assert " read as <strong>" in page
    assert 'class="projection"' in page
    assert "<dt>Accuracy at the best epoch, validation / test</dt>" in page
    assert "Confusion matrix" not in trained.get("/runs/5").text


def test_the_grid_and_the_table_have_accuracy_where_there_are_classes(trained: Api) -> None:
    page = trained.get("/experiments/1?colour=accuracy").text
    assert '<h2 id="grid-title">Validation accuracy at best epoch</h2>' in page
    assert '<th scope="col" class="amount">Validation accuracy</th>' in page
    line = trained.get("/experiments/2?colour=accuracy").text
    assert "accuracy" not in line.split("<main")[1].split('id="term-')[0].lower()


def test_the_comparison_and_the_report_have_accuracy(trained: Api) -> None:
    assert "Test accuracy at best epoch" in trained.get("/compare?runs=1,2").text
    assert "Test accuracy" not in trained.get("/compare?runs=5,6").text
    report = "/api/experiments/{}/export?format=html"
    assert "Validation accuracy at best epoch</th>" in trained.get(report.format(1)).text
    assert "Validation accuracy at best epoch</th>" not in trained.get(report.format(2)).text

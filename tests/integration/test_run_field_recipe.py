"""The recipe of CONTRIBUTING.md for a new field of a run: one entry in `RUN_FIELDS`."""

import csv
import io
import zipfile

import pytest

from backend.runs.fields import RUN_FIELDS, RunField, SummaryDifference, SummaryEntry
from tests.api import Api, record_epochs


@pytest.fixture
def runs(api: Api, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Two runs, one of them with losses from 1 to 3, and a new field with their range."""
    highest, lowest = SummaryEntry("val_loss", "max"), SummaryEntry("val_loss", "min")
    field = RunField(
        "loss_range",
        "number",
        SummaryDifference(highest, lowest),
        default=True,
        exported_as="loss_range",
    )
    monkeypatch.setitem(RUN_FIELDS, field.name, field)
    experiment_id = api.submit()
    ids = api.run_ids(experiment_id)
    record_epochs(api.database, experiment_id, ids[0], range(1, 4))
    return ids


def test_new_field_can_be_filtered_by(api: Api, runs: list[int]) -> None:
    items = api.get("/api/runs", params={"filter": "loss_range = 2"}).json()["items"]
    assert [item["id"] for item in items] == runs[:1]


def test_new_field_can_be_sorted_by(api: Api, runs: list[int]) -> None:
    items = api.get("/api/runs", params={"order_by": "loss_range desc"}).json()["items"]
    assert [item["id"] for item in items] == runs


def test_new_field_is_a_column_with_a_title_and_values(api: Api, runs: list[int]) -> None:
    page = api.get("/runs", params={"filter": f"id = {runs[0]}"}).text
    assert "Loss range" in page
    assert '<td class="amount">2</td>' in page


def test_new_field_is_exported(api: Api, runs: list[int]) -> None:
    answer = api.get("/api/experiments/1/export?format=csv")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
        table = file.read("experiment-1/runs.csv").decode()
    rows = {int(row["run"]): row["loss_range"] for row in csv.DictReader(io.StringIO(table))}
    assert rows == {runs[0]: "2.0", runs[1]: ""}

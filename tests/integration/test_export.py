"""Exports of experiments."""

import csv
import io
import json
import zipfile

import pytest
import yaml
from arro3.io import read_parquet

from backend.export.archive import zip_stream
from backend.export.tables import ReadSlice, read_slices
from backend.store import metrics
from tests.api import Api, record_epochs

NAN = float("nan")


@pytest.fixture
def exported(api: Api) -> tuple[Api, int]:
    """An experiment with two runs. One of them has losses, including a NaN."""
    experiment_id = api.submit()
    run_id = api.run_ids(experiment_id)[0]
    record_epochs(api.database, experiment_id, run_id, range(1, 4))
    with api.database.write() as session:
        points = [metrics.Point(run_id, "train_loss", step, NAN, 0) for step in (2, 3)]
        metrics.record(session, points)
    return api, experiment_id


def fetch(api: Api, experiment_id: int, kind: str) -> dict[str, bytes]:
    answer = api.get(f"/api/experiments/{experiment_id}/export?format={kind}")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
        assert file.testzip() is None
        return {name.partition("/")[2]: file.read(name) for name in file.namelist()}


def test_the_csv_export_contains_every_epoch(exported: tuple[Api, int]) -> None:
    files = fetch(*exported, "csv")
    rows = list(csv.DictReader(io.StringIO(files["metrics.csv"].decode())))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert [row["val_loss"] for row in rows] == ["1.0", "2.0", "3.0"]
    assert [row["train_loss"] for row in rows] == ["", "NaN", "NaN"]
    runs = list(csv.DictReader(io.StringIO(files["runs.csv"].decode())))
    assert [run["model.degree"] for run in runs] == ["1", "6"]
    assert [run["last.val_loss"] for run in runs] == ["3.0", ""]


def test_the_parquet_export_contains_the_same(exported: tuple[Api, int]) -> None:
    files = fetch(*exported, "parquet")
    table = read_parquet(io.BytesIO(files["metrics.parquet"])).read_all()
    assert table.column("epoch").to_pylist() == [1, 2, 3]
    assert table.column("val_loss").to_pylist() == [1.0, 2.0, 3.0]
    train = table.column("train_loss").to_pylist()
    assert train[0] is None
    assert all(value != value for value in train[1:])
    runs = read_parquet(io.BytesIO(files["runs.parquet"])).read_all()
    assert runs.column("model.degree").to_pylist() == [1, 6]
    assert runs.column("dataset.source").to_pylist() == ["points", "points"]


def test_the_export_contains_its_metadata(exported: tuple[Api, int]) -> None:
    files = fetch(*exported, "csv")
    about = json.loads(files["experiment.json"])
    assert about["id"] == exported[1]
    assert "python" in about["versions"]


def test_the_exported_specification_recreates_the_experiment(exported: tuple[Api, int]) -> None:
    api, experiment_id = exported
    answer = api.get(f"/api/experiments/{experiment_id}/export?format=spec")
    headers = {"Content-Type": "application/yaml"}
    repeated = api.post("/api/experiments", content=answer.content, headers=headers).json()["id"]
    first, second = (api.get(f"/api/experiments/{id_}").json() for id_ in (experiment_id, repeated))
    assert first["spec"] == second["spec"] == yaml.safe_load(answer.text)


def test_the_report_is_self_contained(exported: tuple[Api, int]) -> None:
    api, experiment_id = exported
    report = api.get(f"/api/experiments/{experiment_id}/export?format=html").text
    page = report.partition("</script>")[2]  # after Plotly.js
    assert "<link" not in report[:10_000]
    assert "src=" not in page
    assert "Loss after epoch 3: train \N{EN DASH}, validation 3.00." in page
    assert "source: points" in page


def test_exporting_an_unknown_experiment_is_not_found(api: Api) -> None:
    for kind in ("html", "csv", "parquet", "spec"):
        assert api.get(f"/api/experiments/99/export?format={kind}").status_code == 404


def test_an_unknown_format_is_refused_in_one_sentence(api: Api) -> None:
    answer = api.get(f"/api/experiments/{api.submit()}/export?format=pdf").json()
    assert answer["field"] == "format"
    assert "html" in answer["detail"]


def test_long_runs_are_read_in_slices_and_short_runs_together() -> None:
    slices = list(read_slices([(1, 4), (2, 6), (3, 25), (4, 1)], rows=10))
    stretches = [ReadSlice([3], None, 9), ReadSlice([3], 10, 19), ReadSlice([3], 20, None)]
    assert slices == [ReadSlice([1, 2]), *stretches, ReadSlice([4])]


def test_an_archive_is_streamed() -> None:
    read_names: list[str] = []

    def pieces(name: str) -> list[bytes]:
        read_names.append(name)
        return [b"x" * 1000]

    archive = zip_stream((name, pieces(name)) for name in ("a.txt", "b.txt"))
    first = next(archive)
    assert read_names == ["a.txt"]
    with zipfile.ZipFile(io.BytesIO(first + b"".join(archive))) as file:
        assert file.read("b.txt") == b"x" * 1000


def test_an_experiment_without_runs_is_exported_and_not_compared(sqlite_api: Api) -> None:
    variants = [{"name": "a"}, {"name": "b", "training": {"weight_decay": 0.1}}]
    experiment_id = sqlite_api.submit(variants=variants)
    runs = sqlite_api.run_ids(experiment_id)
    assert sqlite_api.post("/api/runs/delete", json={"runs": runs}).status_code == 200
    parquet = fetch(sqlite_api, experiment_id, "parquet")
    assert len(read_parquet(io.BytesIO(parquet["runs.parquet"])).read_all()) == 0
    assert len(read_parquet(io.BytesIO(parquet["metrics.parquet"])).read_all()) == 0
    assert b"run" in fetch(sqlite_api, experiment_id, "csv")["runs.csv"]
    for kind in ("api", "charts"):
        assert sqlite_api.get(f"/{kind}/experiments/{experiment_id}/comparison").status_code == 404
    page = {"accept": "text/html"}
    assert sqlite_api.get(f"/experiments/{experiment_id}", headers=page).status_code == 200

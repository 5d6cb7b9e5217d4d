"""POST /api/imports: logs of other programs become external runs."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.imports.names import inert_name
from backend.imports.upload_folder import remove_left_folders, upload_folder
from backend.imports.uploads import MAX_FIELDS
from backend.main import create_app
from backend.settings import Settings
from tests.api import Api

MULTIPART = "multipart/form-data; boundary=b"

OVERFITTING = {
    "loss": [2.0**-e for e in range(30)],
    "val_loss": [0.5 + abs(e - 8) / 20 for e in range(30)],
    "accuracy": [1 - 2.0**-e for e in range(30)],
}
GOOD = {
    "loss": [0.2 + 2.0**-e for e in range(30)],
    "val_loss": [0.22 + 2.0**-e for e in range(30)],
}

File = tuple[str, tuple[str, bytes]]


def as_file(name: str, content: object) -> File:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return ("file", (name, data))


def send(api: Api, *files: File, query: str = "", **fields: str) -> httpx.Response:
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
    answer = send(sqlite_api, as_file("over.json", OVERFITTING), query="?dry_run=true")
    assert answer.status_code == 200
    [run] = answer.json()["runs"]
    assert (answer.json()["experiment"], run["id"], run["verdict"]) == (None, None, "overfitting")
    assert (run["preview"]["epochs"], run["preview"]["train"]) == (30, "loss")
    assert sqlite_api.count_experiments() == 0


def test_a_correction_names_a_run_and_its_losses(sqlite_api: Api) -> None:
    log = {"a": GOOD["loss"], "b": OVERFITTING["val_loss"], **GOOD}
    corrections = {"log.json": {"name": "mine", "train": "a", "validation": "b"}}
    [run] = imported(sqlite_api, as_file("log.json", log), runs=json.dumps(corrections))["runs"]
    assert (run["name"], run["verdict"]) == ("mine", "overfitting")
    pairing = sqlite_api.get(f"/runs/{run['id']}").text
    assert "a and b were read as train and validation loss from log.json." in pairing


def test_a_refused_file_leaves_nothing(api: Api) -> None:
    answer = send(api, as_file("good.json", GOOD), as_file("bad.csv", b"no table"))
    assert (answer.status_code, answer.json()["field"]) == (422, "file")
    assert answer.json()["detail"].startswith("bad.csv: ")
    assert api.count_experiments() == 0
    assert list(uploads(api).iterdir()) == []


@pytest.mark.parametrize("name", ["../../out.json", "/out.json", "C:\\x\\out.json", "a\u202eb\x07"])
def test_a_hostile_name_stays_below_the_upload(sqlite_api: Api, name: str) -> None:
    [run] = imported(sqlite_api, as_file(name, GOOD))["runs"]
    assert ".." not in run["name"]
    assert run["name"] == inert_name(run["name"])
    assert not list(uploads(sqlite_api).parent.rglob("out.json"))


def test_two_imports_at_once_store_a_run_once(api: Api) -> None:
    files = [as_file(f"{n}.json", {**GOOD, "n": [n] * 30}) for n in range(5)]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: imported(api, *files), range(2))
    assert [run["id"] for run in first["runs"]] == [run["id"] for run in second["runs"]]
    assert len(api.run_ids(first["experiment"])) == 5


def test_a_deleted_run_is_imported_again(sqlite_api: Api) -> None:
    [first] = imported(sqlite_api, as_file("good.json", GOOD))["runs"]
    assert sqlite_api.request("DELETE", f"/api/runs/{first['id']}").is_success
    [second] = imported(sqlite_api, as_file("good.json", GOOD))["runs"]
    assert second["id"] != first["id"]


def test_a_run_without_losses_is_imported_with_the_reason(sqlite_api: Api) -> None:
    [run] = imported(sqlite_api, as_file("train.json", {"loss": GOOD["loss"]}))["runs"]
    assert run["verdict"] == "not assessable"
    assert "it has no pair of train and validation loss" in run["notes"][0]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"extra": "1"}, "extra"),
        ({"runs": "{"}, "runs"),
        ({"runs": '{"other.json": {"skip": true}}'}, "runs"),
        ({"runs": '{"good.json": {"skip": true}}'}, "runs"),
        ({"experiment": "a\0"}, "experiment"),
        ({"ended": "yes"}, "ended"),
    ],
)
def test_a_wrong_field_is_named(sqlite_api: Api, fields: dict[str, str], field: str) -> None:
    answer = send(sqlite_api, as_file("good.json", GOOD), **fields)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert sqlite_api.count_experiments() == 0


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{}", "application/json", 415),
        (b"x", "multipart/form-data", 415),
        (b"no boundary", "multipart/form-data; boundary=b", 400),
        (b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx', MULTIPART, 400),
        (b"--b--\r\n", MULTIPART, 422),
    ],
)
def test_a_malformed_body_is_refused(
    sqlite_api: Api, body: bytes, content_type: str, status: int
) -> None:
    headers = {"Content-Type": content_type}
    answer = sqlite_api.post("/api/imports", content=body, headers=headers)
    assert (answer.status_code, answer.json().keys()) == (status, {"error", "detail", "field"})


@pytest.mark.parametrize(
    ("limit", "value", "status"),
    [
        ("max_import_files", 1, 413),
        ("max_import_runs", 1, 422),
        ("max_import_points", 10, 422),
        ("import_seconds", 0.01, 422),
    ],
)
def test_an_import_over_a_limit_names_the_setting(
    sqlite_settings: Settings, limit: str, value: float, status: int
) -> None:
    api = Api(create_app(sqlite_settings.model_copy(update={limit: value})))
    answer = send(api, as_file("good.json", GOOD), as_file("over.json", OVERFITTING))
    assert answer.status_code == status, answer.text
    assert f"LAB_{limit.upper()}" in answer.json()["detail"]
    assert (api.count_experiments(), list(uploads(api).iterdir())) == (0, [])


def test_reading_that_needs_too_much_memory_is_refused(sqlite_settings: Settings) -> None:
    limits = {"import_memory_bytes": 64 << 20}
    api = Api(create_app(sqlite_settings.model_copy(update=limits)))
    answer = send(api, as_file("lists.json", b"[" + b"[]," * 1_500_000 + b"[]]"))
    assert (answer.status_code, api.count_experiments()) == (422, 0)
    assert "memory" in answer.json()["detail"]


def test_folders_of_a_killed_process_are_removed_and_those_in_use_stay(tmp_path: Path) -> None:
    (tmp_path / "imports" / "left").mkdir(parents=True)
    with upload_folder(tmp_path) as folder:
        remove_left_folders(tmp_path)
        assert [path.name for path in (tmp_path / "imports").iterdir()] == [folder.name]


def uploads(api: Api) -> Path:
    return Path(api.app.state.settings.data_dir) / "imports"


def test_the_metrics_at_the_best_epoch_are_kept(sqlite_api: Api) -> None:
    [run] = imported(sqlite_api, as_file("over.json", OVERFITTING))["runs"]
    accuracy = sqlite_api.get(f"/api/runs/{run['id']}").json()["summary"]["accuracy"]
    assert accuracy["at_best"] == OVERFITTING["accuracy"][8]


def test_a_folder_keeps_its_runs_apart(sqlite_api: Api) -> None:
    files = [as_file("logs/a/history.json", GOOD), as_file("logs/b/history.json", OVERFITTING)]
    runs = imported(sqlite_api, *files)["runs"]
    assert [(run["name"], run["verdict"]) for run in runs] == [
        ("logs#a", "good fit"), ("logs#b", "overfitting"),
    ]  # fmt: skip
    [alone] = imported(sqlite_api, as_file("history.json", GOOD))["runs"]
    assert alone["id"] == runs[0]["id"]


def test_files_that_are_one_run_together_are_read_together(sqlite_api: Api) -> None:
    train, val = ("".join(f"{e},{v}\n" for e, v in enumerate(GOOD[k])) for k in GOOD)
    files = [
        as_file("train.csv", f"epoch,loss\n{train}".encode()),
        as_file("val.csv", f"epoch,loss\n{val}".encode()),
    ]
    [run] = imported(sqlite_api, *files)["runs"]
    assert run["verdict"] == "good fit"


def test_a_form_has_few_parts(sqlite_settings: Settings) -> None:
    api = Api(create_app(sqlite_settings.model_copy(update={"max_import_files": 1})))
    not_chosen = b'--b\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\n\r\n'
    for parts, status in ((1 + MAX_FIELDS, 422), (2 + MAX_FIELDS, 413)):
        body = not_chosen * parts + b"--b--\r\n"
        answer = api.post("/api/imports", content=body, headers={"content-type": MULTIPART})
        assert answer.status_code == status, answer.text


def test_the_accuracy_of_both_parts_is_imported(api: Api) -> None:
    rows = [f"{epoch},{1 / epoch},{1 / epoch},0.9,0.8" for epoch in range(1, 9)]
    text = "\n".join(["epoch,loss,val_loss,accuracy,val_accuracy", *rows])
    files = {"file": ("log.csv", text)}
    [run] = api.post("/api/imports", files=files).json()["runs"]
    summary = api.get(f"/api/runs/{run['id']}").json()["summary"]
    assert (summary["train_accuracy"]["last"], summary["val_accuracy"]["last"]) == (0.9, 0.8)

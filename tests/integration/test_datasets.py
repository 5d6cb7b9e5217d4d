"""Data sets that people add: upload, preview, choice of the target, deletion, and training."""

import asyncio
from pathlib import Path

import httpx
import pytest

from backend.datasets.column_files import COLUMN_FOLDER
from backend.errors import ClientLeft
from backend.own_data import sandbox
from backend.settings import Settings
from backend.store import Database, runs
from backend.work_budget import ClientWatch, budget
from tests.api import Api
from tests.tables import add_table, line, write_table
from tests.training import make_services, submit
from worker.tasks import train


def upload(api: Api, path: Path, **query: str) -> int:
    file = {"file": (path.name, path.read_bytes())}
    response = api.post("/api/datasets", files=file, data=query)
    assert response.status_code == 201, response.text
    return int(response.json()["id"])


def column_files() -> list[Path]:
    return list(COLUMN_FOLDER.path().rglob("*.npz"))


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "arrow", "npz"])
def test_a_table_of_each_format_has_the_same_columns(
    sqlite_api: Api, tmp_path: Path, ending: str
) -> None:
    table = {name: values for name, values in line().items() if name != "size"}
    added = upload(sqlite_api, write_table(tmp_path, table, ending), name="own", target="y")
    preview = sqlite_api.get(f"/api/datasets/{added}/preview").json()
    assert [column["name"] for column in preview["columns"]] == list(table)
    kinds = [column["kind"] for column in preview["columns"]]
    assert kinds == ["number", "category", "category", "number"]
    assert preview["dataset"] | {"id": 1, "task": "regression", "rows": 120} == preview["dataset"]


def test_the_same_file_twice_is_stored_once(sqlite_api: Api, tmp_path: Path) -> None:
    path = write_table(tmp_path, line())
    upload(sqlite_api, path, name="first")
    upload(sqlite_api, path, name="second")
    assert len(column_files()) == 1


def test_column_files_belong_to_this_user_only(sqlite_api: Api, tmp_path: Path) -> None:
    upload(sqlite_api, write_table(tmp_path, line()))
    [path] = column_files()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_specification_refers_to_a_data_set_by_its_name(api: Api, tmp_path: Path) -> None:
    upload(api, write_table(tmp_path, line()), name="own", target="y")
    spec = {"dataset": {"source": "own", "n_train": [10, 40]}}
    id_ = api.submit(**spec, model={}, training={"epochs": 1})
    items = api.get(f"/api/experiments/{id_}/runs").json()["items"]
    assert [item["params"]["dataset.n_train"] for item in items] == [10, 40]
    assert {item["params"]["dataset.source"].split("@")[0] for item in items} == {"own"}


def test_more_rows_than_the_table_has_are_refused(sqlite_api: Api, tmp_path: Path) -> None:
    upload(sqlite_api, write_table(tmp_path, line()), name="own", target="y")
    spec = {"dataset": {"source": "own", "n_train": 121}}
    answer = sqlite_api.post("/api/experiments", json=spec)
    assert answer.status_code == 422
    assert "at most 72, as own@" in answer.json()["detail"]


def test_another_target_is_another_version_and_runs_keep_theirs(
    sqlite_api: Api, tmp_path: Path
) -> None:
    added = upload(sqlite_api, write_table(tmp_path, line()), name="own", target="y")
    id_ = sqlite_api.submit(dataset={"source": "own"}, model={}, training={"epochs": 1})
    before = sqlite_api.get(f"/api/datasets/{added}").json()["source"]
    answer = sqlite_api.request("PATCH", f"/api/datasets/{added}", json={"target": "colour"})
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert changed["source"] != before
    assert changed["classes"] == ["blue", "green", "red"]
    run = sqlite_api.get(f"/api/experiments/{id_}/runs").json()["items"][0]
    assert run["params"]["dataset.source"] == before
    assert sqlite_api.get(f"/runs/{run['id']}").status_code == 200


def test_deleting_a_data_set_with_runs_needs_a_confirmation(
    sqlite_api: Api, tmp_path: Path
) -> None:
    added = upload(sqlite_api, write_table(tmp_path, line()), name="own", target="y")
    id_ = sqlite_api.submit(dataset={"source": "own"}, model={}, training={"epochs": 1})
    path = f"/api/datasets/{added}"
    refused = sqlite_api.request("DELETE", path)
    assert refused.status_code == 409
    assert f"experiment {id_}." in refused.json()["detail"]
    assert sqlite_api.request("DELETE", f"{path}?confirm=true").status_code == 204
    assert column_files() == []
    assert sqlite_api.get(f"/experiments/{id_}").status_code == 200


def test_a_run_on_a_table_learns_it(sqlite_database: Database, sqlite_settings: Settings) -> None:
    add_table(sqlite_database, sqlite_settings, line())
    run_ids = submit(
        sqlite_database,
        {"dataset": {"source": "own"}, "model": {"depth": 0}, "training": {"epochs": 60}},
    )
    train(run_ids, make_services(sqlite_settings, sqlite_database))
    with sqlite_database.read() as session:
        run = runs.get(session, run_ids[0])
    assert run.status == "finished", run.error


def test_the_page_of_a_run_names_the_classes(sqlite_api: Api, tmp_path: Path) -> None:
    upload(sqlite_api, write_table(tmp_path, line()), name="own", target="colour")
    id_ = sqlite_api.submit(dataset={"source": "own"}, model={"width": 2}, training={"epochs": 3})
    settings, database = sqlite_api.app.state.settings, sqlite_api.database
    [run_id] = sqlite_api.run_ids(id_)
    train([run_id], make_services(settings, database))
    page = sqlite_api.get(f"/runs/{run_id}").text
    assert "Confusion matrix" in page and ">green</th>" in page


def test_a_table_waits_for_its_turn_without_a_thread(
    sqlite_api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "WAIT_SECONDS", 0.05)
    file = {"file": ("own.csv", write_table(tmp_path, line()).read_bytes())}
    turn = sqlite_api.app.state.table_turn

    async def while_another_is_read() -> httpx.Response:
        transport = httpx.ASGITransport(sqlite_api.app)
        async with (
            turn.taken(),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as http,
        ):
            return await http.post("/api/datasets", files=file)

    assert asyncio.run(while_another_is_read()).status_code == 503
    assert sqlite_api.post("/api/datasets", files=file).status_code == 201


def test_reading_a_table_ends_when_the_client_leaves(tmp_path: Path) -> None:
    client = ClientWatch()
    client.gone = True
    with budget(60, client), pytest.raises(ClientLeft):
        sandbox.run("file", path=str(tmp_path), file_name="a", columns="b", target=None, task=None)

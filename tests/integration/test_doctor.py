"""`lab doctor` finds each kind of damage, and no damage in healthy data."""

import json
import os
from pathlib import Path

import pytest
from sqlalchemy import text

from backend.cli import main
from backend.operations.doctor import Check, examine
from backend.settings import Settings
from backend.store import Database
from tests.scenes import MOONS, SCENES, Scene, write_scene

SCENE = Scene({"name": "Two", "dataset": MOONS, "training": {"seeds": 2}}, 20)
PARTIAL = """
    UPDATE sqlite_master SET sql = sql || ' WHERE id < 2' WHERE name = 'ix_runs_listed'
"""
DAMAGE = {
    "schema: its schema 9999 is unknown": "UPDATE alembic_version SET version_num = '9999'",
    "references": "DELETE FROM param_keys",
    "states: has an unknown state": "UPDATE runs SET status = 'asleep' WHERE id = 1",
    "states: is running without": (
        "UPDATE runs SET status = 'running', ended_at = NULL WHERE id = 1"
    ),
    "states: is not running but has a lease": "UPDATE runs SET lease_expires_at = 1 WHERE id = 1",
    "states: has ended but has no end time": "UPDATE runs SET ended_at = NULL WHERE id = 1",
    "states: was trained and has ended but has no": "UPDATE runs SET verdict = NULL WHERE id = 1",
    "epochs: but 0 epochs are stored": "DELETE FROM metrics WHERE run_id = 1",
    "epochs: is at epoch 19, but 20 epochs": "UPDATE runs SET epoch = 19 WHERE id = 1",
    "epochs: of epoch 5 twice": (
        "INSERT INTO metrics SELECT run_id, key_id, 5, last_step, packed_steps, packed_values,"
        " recorded_at FROM metrics WHERE run_id = 1"
    ),
    "changes: but its changes end at 0": "DELETE FROM changes WHERE run_id = 1 AND kind = 'metric'",
    "changes: but has a change with revision": "UPDATE experiments SET revision = 1",
    "points: in the summary, but": "UPDATE metric_summaries SET min = 0 WHERE run_id = 1",
}


def examined(settings: Settings) -> dict[str, Check]:
    return {check.name: check for check in examine(settings)}


def test_every_scene_passes_all_checks(settings: Settings, database: Database) -> None:
    for scene in SCENES.values():
        write_scene(database, scene)
    assert [check for check in examined(settings).values() if check.outcome == "wrong"] == []


@pytest.mark.parametrize("problem", DAMAGE)
def test_damage_is_found_and_named(
    sqlite_settings: Settings, sqlite_database: Database, problem: str
) -> None:
    write_scene(sqlite_database, SCENE)
    with sqlite_database.write() as session:
        session.execute(text(DAMAGE[problem]))
    name, _, sentence = problem.partition(": ")
    check = examined(sqlite_settings)[name]
    assert check.outcome == "wrong"
    assert sentence in " ".join(check.sentences)


def test_a_missing_table_is_named(settings: Settings, database: Database) -> None:
    with database.write() as session:
        session.execute(text("DROP TABLE predictions"))
    (check,) = examine(settings)
    assert (check.outcome, check.sentences) == (
        "wrong",
        ["The tables differ from the schema; needed: add table predictions."],
    )


def test_an_index_without_a_row_is_found(
    sqlite_settings: Settings, sqlite_database: Database
) -> None:
    write_scene(sqlite_database, SCENE)
    with sqlite_database.write() as session:  # the index ends before the second run
        session.execute(text("PRAGMA writable_schema = ON"))
        session.execute(text(PARTIAL))
    sqlite_database.dispose()  # a new connection reads the new schema
    assert examined(sqlite_settings)["storage"].outcome == "wrong"


def test_abandoned_runs_are_reported_without_an_error(
    sqlite_settings: Settings, sqlite_database: Database
) -> None:
    write_scene(sqlite_database, SCENES["running"])
    with sqlite_database.write() as session:
        session.execute(text("UPDATE runs SET lease_expires_at = 1"))
    check = examined(sqlite_settings)["workers"]
    assert check.outcome == "warning"
    assert [line.split(";")[0].split(".")[0] for line in check.sentences] == [
        "No worker is registered",
        "1 runs lost their worker more than a minute ago",
    ]


def test_a_missing_database_is_explained_and_not_created(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--data-dir", str(tmp_path / "none")]) == 2
    assert "there is no database at" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_the_result_is_available_as_json(
    sqlite_settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_BROKER", sqlite_settings.broker_url)
    assert main(["doctor", "--json", "--data-dir", str(sqlite_settings.data_dir)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"]
    assert {"name": "epochs", "outcome": "well", "said": []} in answer["checks"]


def test_a_truncated_database_is_explained_with_the_way_out(
    sqlite_settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = sqlite_settings.data_dir
    monkeypatch.setenv("LAB_DATA_DIR", str(folder))
    assert main(["migrate"]) == 0
    os.truncate(folder / "lab.db", 0)
    assert main(["doctor"]) == 2
    message = capsys.readouterr().err
    assert "is missing or empty, but was in use before" in message
    assert "lab restore" in message
    (folder / "database.json").unlink()
    assert main(["doctor"]) == 2
    assert f"there is an empty file at {folder / 'lab.db'}" in capsys.readouterr().err


def test_a_folder_in_the_place_of_the_database_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lab.db").mkdir()
    assert main(["doctor", "--data-dir", str(tmp_path)]) == 2
    assert f"{tmp_path / 'lab.db'} is not a file; move it away" in capsys.readouterr().err

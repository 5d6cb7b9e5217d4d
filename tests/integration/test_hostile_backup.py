"""Backups that somebody changed, together with their digests."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from backend.cli import main
from backend.settings import Settings
from backend.store import Database, backup
from tests.scenes import MOONS, Scene, write_scene

SCENE = Scene({"name": "Two", "dataset": MOONS, "training": {"seeds": 2}}, 20)
HOSTILE = {
    "runs.status is 'asleep'": "UPDATE runs SET status = 'asleep'",
    "runs.verdict is 'great'": "UPDATE runs SET verdict = 'great'",
    "runs.epoch is '-1'": "UPDATE runs SET epoch = -1",
    "runs.epoch is 'many'": "UPDATE runs SET epoch = 'many'",
    "runs.attempt is '2147483647'": "UPDATE runs SET attempt = 2147483647",
    "runs.parameters is '4294967296'": "UPDATE runs SET parameters = 4294967296",
    "runs.pinned is '7'": "UPDATE runs SET pinned = 7",
    "runs.params is '[1]'": "UPDATE runs SET params = '[1]'",
    "runs.params is '{'": "UPDATE runs SET params = '{'",
    "runs.note is ": "UPDATE runs SET note = 'a' || char(0)",
    "runs.reference_loss is 'low'": "UPDATE runs SET reference_loss = 'low'",
    "experiments.device is 'tpu'": "UPDATE experiments SET device = 'tpu'",
    "experiments.priority is '99'": "UPDATE experiments SET priority = 99",
    "experiments.estimated_seconds is 'inf'": "UPDATE experiments SET estimated_seconds = 9e999",
    "experiments.spec is '[]'": "UPDATE experiments SET spec = '[]'",
    "metrics.packed_values is 'x'": "UPDATE metrics SET packed_values = 'x'",
    "the specification of experiment 1 is refused: ": (
        "UPDATE runs SET status = 'queued', ended_at = NULL;"
        """UPDATE experiments SET spec = '{"model": {"width": -1}}'"""
    ),
    "the settings of run 1 are refused": (
        "UPDATE runs SET status = 'queued', ended_at = NULL, params = '{\"model.width\": -1}'"
    ),
}
TAMPERED = {
    "its manifest lacks the table metrics": "DELETE FROM backup WHERE name = 'table metrics'",
    "it lacks the table nothing": "INSERT INTO backup VALUES ('table nothing', '[0, \"\"]')",
    "it has the trigger 'surprise'": (
        "CREATE TRIGGER surprise AFTER UPDATE ON runs BEGIN DELETE FROM runs; END"
    ),
    "it has the view 'surprise'": "CREATE VIEW surprise AS SELECT 1",
    "the digest of the table runs in its manifest is no JSON": (
        "UPDATE backup SET value = '{' WHERE name = 'table runs'"
    ),
}


@pytest.fixture
def saved(sqlite_database: Database, tmp_path: Path) -> Path:
    """A backup of two finished runs."""
    write_scene(sqlite_database, SCENE)
    backup.write(sqlite_database, tmp_path / "saved.db")
    return tmp_path / "saved.db"


def change(path: Path, statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(statements)


def seal(path: Path) -> None:
    """Write the digests of the changed tables, as their author would."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for (name,) in connection.execute(
            "SELECT name FROM backup WHERE name LIKE 'table %'"
        ).fetchall():
            digest = json.dumps(backup.Digest.of(connection, name.removeprefix("table ")))
            connection.execute("UPDATE backup SET value = ? WHERE name = ?", [digest, name])


def refusal(path: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line that a restore prints, which leaves the database empty."""
    settings = Settings(data_dir=folder)
    assert main(["restore", str(path), "--data-dir", str(folder)]) == 2
    assert settings.sqlite_path and not settings.sqlite_path.exists()
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    return printed


@pytest.mark.parametrize("problem", HOSTILE)
def test_an_impossible_value_is_refused(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], problem: str
) -> None:
    change(saved, HOSTILE[problem])
    seal(saved)
    assert problem in refusal(saved, tmp_path / "new", capsys)


@pytest.mark.parametrize("problem", TAMPERED)
def test_a_tampered_manifest_is_refused(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], problem: str
) -> None:
    change(saved, TAMPERED[problem])
    assert problem in refusal(saved, tmp_path / "new", capsys)


def test_an_unchanged_backup_is_restored(saved: Path, tmp_path: Path) -> None:
    seal(saved)
    assert main(["restore", str(saved), "--data-dir", str(tmp_path / "new")]) == 0

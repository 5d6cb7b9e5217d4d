"""A database that is removed, replaced, truncated or damaged while the service runs, or before."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from backend.cli import main
from backend.errors import Unavailable
from backend.main import create_app
from backend.operations import database_marker
from backend.operations.migration import migrate
from backend.settings import Settings
from backend.store import Database, backup
from tests.api import SPEC, Api
from tests.scenes import MOONS, Scene, write_scene

SCENE = Scene({"name": "Two", "dataset": MOONS, "training": {"seeds": 2}}, 20)
LOST = (
    "The database was removed or replaced while the service was running; nothing was stored. "
    "`lab doctor` shows what to do."
)
DAMAGED = "The database is damaged; nothing was stored. `lab doctor` shows what to do."


def file_of(api: Api) -> Path:
    return Path(str(api.database.engine.url.database))


def remove(path: Path) -> None:
    path.unlink()


def replace(path: Path) -> None:
    shutil.copy(path, path.with_name("other.db"))
    path.with_name("other.db").replace(path)


def truncate(path: Path) -> None:
    os.truncate(path, 0)


def remove_log(path: Path) -> None:
    path.with_name(f"{path.name}-wal").unlink()


@pytest.mark.parametrize("lose", [remove, replace, truncate, remove_log])
def test_nothing_is_stored_in_a_lost_file(sqlite_api: Api, lose: Callable[[Path], None]) -> None:
    sqlite_api.submit()
    lose(file_of(sqlite_api))
    answer = sqlite_api.post("/api/experiments", json=SPEC)
    assert (answer.status_code, answer.json()["detail"]) == (503, LOST)
    assert "the database was removed or replaced" in sqlite_api.get("/readyz").json()["detail"]
    assert sqlite_api.get("/api/health").json()["detail"] == LOST  # the banner shows it


def test_a_file_that_is_put_back_is_used_again(sqlite_api: Api) -> None:
    sqlite_api.submit()
    path = file_of(sqlite_api)
    path.rename(path.with_name("elsewhere.db"))
    assert sqlite_api.post("/api/experiments", json=SPEC).status_code == 503
    assert not path.exists()
    path.with_name("elsewhere.db").rename(path)
    sqlite_api.submit()
    assert sqlite_api.count_experiments() == 2


def test_a_file_that_is_lost_before_the_commit_is_noticed(sqlite_database: Database) -> None:
    with (
        pytest.raises(Exception, match=r"lab\.db was removed or replaced"),
        sqlite_database.write() as session,
    ):
        session.connection()
        Path(str(sqlite_database.engine.url.database)).unlink()


def test_damage_is_reported_and_stops_all_writes(sqlite_api: Api) -> None:
    for _ in range(20):
        sqlite_api.submit()
    overwrite(file_of(sqlite_api))
    sqlite_api.database.dispose()  # a new connection has nothing cached
    answers = {sqlite_api.get(path).status_code for path in ("/api/experiments", "/api/runs")}
    assert 503 in answers and 500 not in answers
    answer = sqlite_api.post("/api/experiments", json=SPEC)
    assert (answer.status_code, answer.json()["detail"]) == (503, DAMAGED)
    assert "the database is damaged" in sqlite_api.get("/readyz").json()["detail"]


def overwrite(path: Path) -> None:
    """Overwrite all pages but the first with random bytes, as a failing disk might."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))


@pytest.mark.parametrize(
    "statement",
    [
        "DROP SCHEMA public CASCADE; CREATE SCHEMA public",
        "TRUNCATE installation, experiments CASCADE",
        "UPDATE installation SET id = 'another'",
    ],
)
def test_a_replaced_postgresql_database_is_noticed(
    postgresql_url: str, valkey_url: str, tmp_path: Path, statement: str
) -> None:
    api = Api(create_app(Settings(data_dir=tmp_path, database=postgresql_url, broker=valkey_url)))
    api.submit()
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(statement)
    answer = api.post("/api/experiments", json=SPEC)
    assert (answer.status_code, answer.json()["detail"]) == (503, LOST)
    assert "database" in api.get("/readyz").json()["detail"]
    api.database.dispose()


@pytest.fixture
def used(tmp_path: Path) -> Settings:
    """Settings of a data folder with a migrated database and one experiment."""
    settings = Settings(data_dir=tmp_path / "data")
    settings.data_dir.mkdir()
    migrate(settings)
    database = Database(settings.database_url)
    write_scene(database, SCENE)
    database.dispose()
    return settings


@pytest.mark.parametrize("lose", [remove, truncate])
def test_nothing_starts_on_an_empty_file_where_there_was_a_database(
    used: Settings, lose: Callable[[Path], None]
) -> None:
    assert used.sqlite_path
    lose(used.sqlite_path)
    with pytest.raises(Unavailable, match="is missing or empty, but was in use before"):
        migrate(used)
    assert not used.sqlite_path.exists() or not used.sqlite_path.stat().st_size
    (used.data_dir / database_marker.NAME).unlink()  # as the sentence says
    migrate(used)


def test_nothing_starts_on_an_empty_postgresql_database_where_there_was_one(
    empty_postgresql_url: str, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, database=empty_postgresql_url)
    migrate(settings)
    with psycopg.connect(empty_postgresql_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    with pytest.raises(Unavailable, match="LAB_DATABASE is missing or empty, but was in use"):
        migrate(settings)


def test_a_damaged_file_is_not_started_and_the_way_out_is_named(used: Settings) -> None:
    (used.data_dir / "backups").mkdir()
    saved = used.data_dir / "backups" / "saved.db"
    backup.write(Database(used.database_url), saved)
    assert used.sqlite_path
    overwrite(used.sqlite_path)
    with pytest.raises(Unavailable, match=f"is damaged .*lab restore {saved}"):
        migrate(used)


def test_doctor_names_the_way_out(used: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    folder = ["--data-dir", str(used.data_dir)]
    assert used.sqlite_path
    overwrite(used.sqlite_path)
    assert main(["doctor", *folder]) == 2
    assert "away, and restore a backup: lab restore FILE." in capsys.readouterr().err
    used.sqlite_path.unlink()
    assert main(["doctor", *folder]) == 2
    assert "Put the file back, or restore a backup" in capsys.readouterr().err


def test_a_backup_of_a_damaged_database_blames_the_database(
    used: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert used.sqlite_path
    overwrite(used.sqlite_path)
    assert main(["backup", str(tmp_path / "b.db"), "--data-dir", str(used.data_dir)]) == 2
    printed = capsys.readouterr().err
    assert "the database cannot be used: " in printed
    assert "b.db cannot be written" not in printed
    assert not (tmp_path / "b.db").exists()


def test_a_lost_database_is_restored_in_its_place(used: Settings, tmp_path: Path) -> None:
    backup.write(Database(used.database_url), tmp_path / "saved.db")
    assert used.sqlite_path
    used.sqlite_path.unlink()
    assert main(["restore", str(tmp_path / "saved.db"), "--data-dir", str(used.data_dir)]) == 0
    migrate(used)
    api: Any = Api(create_app(used))
    assert api.count_experiments() == 1


def test_the_marker_contains_no_password(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database="postgresql://lab:secret@db:5432/lab")
    database_marker.remember(settings, "abc")
    assert (tmp_path / database_marker.NAME).read_text() == (
        '{"database": "postgresql://lab@db:5432/lab", "id": "abc"}'
    )

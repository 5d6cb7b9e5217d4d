"""Deleted runs release disk space."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text, update

from backend.scheduling.scheduler import Scheduler
from backend.store import Database, schema, vacuum
from backend.store.tables import Experiment
from tests.api import Api
from tests.scenes import MOONS, SCENES, Scene, write_scene

SCENE = Scene({"name": "Large", "dataset": MOONS, "training": {"seeds": 60}}, 300)


def size(database: Database) -> vacuum.DatabaseSize:
    with database.read() as session:
        return vacuum.database_size(session)


def remove_all(database: Database) -> None:
    with database.write() as session:
        session.execute(update(Experiment).values(deleted_at=0))
    while True:
        with database.write() as session:
            if not vacuum.remove(session, after_days=0):
                return


def test_a_sqlite_file_shrinks_after_a_removal(sqlite_api: Api) -> None:
    database, state = sqlite_api.database, sqlite_api.app.state
    scheduler = Scheduler(database, state.dispatcher, deleted_days=0, lease_seconds=1)
    empty = size(database).total
    write_scene(database, SCENE)
    full = size(database).total
    remove_all(database)
    assert not scheduler.erase_deleted()  # done immediately, for less than 8 MB
    assert full > 4 * empty
    assert size(database).total < 1.5 * empty
    assert Path(database.engine.url.database or "").stat().st_size < 1.5 * empty


def test_postgresql_reuses_the_space_of_removed_rows(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    without_runs = size(database).total
    write_scene(database, SCENE)
    full = size(database).total
    remove_all(database)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as autovacuum:
        autovacuum.execute(text("VACUUM"))  # autovacuum does this within minutes
    write_scene(database, SCENE)
    size_after = size(database).total
    database.dispose()
    assert size_after - full < 0.3 * (full - without_runs)


def test_a_file_of_an_earlier_version_is_made_shrinkable(tmp_path: Path) -> None:
    database = of_old(tmp_path / "lab.db")
    vacuum.prepare_vacuum(database)
    database.dispose()
    with closing(sqlite3.connect(tmp_path / "lab.db")) as later:
        assert later.execute("PRAGMA auto_vacuum").fetchone() == (vacuum.INCREMENTAL,)


def test_a_file_that_cannot_be_rewritten_is_used_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.store.connections.BUSY_TIMEOUT_SECONDS", 0)
    database = of_old(tmp_path / "lab.db")
    with closing(sqlite3.connect(tmp_path / "lab.db")) as connection:
        connection.execute("BEGIN IMMEDIATE")
        vacuum.prepare_vacuum(database)
    write_scene(database, SCENES["seeds"])
    remove_all(database)
    assert vacuum.release_pages(database) == 0
    database.dispose()


def of_old(path: Path) -> Database:
    """Return a migrated database whose file was created as by version 0.1.0."""
    with closing(sqlite3.connect(path)) as earlier:
        earlier.execute("PRAGMA auto_vacuum=NONE")
        earlier.execute("CREATE TABLE of_old (id INTEGER)")
        earlier.commit()
    database = Database(f"sqlite:///{path}")
    schema.migrate(database)
    return database

"""Backup and restore between both databases, during writes, kills and migrations."""

import gzip
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Column, Connection, Engine, Table, event, func, select, text, update

from backend.cli import main
from backend.diagnosis.verdicts import Verdict
from backend.errors import Conflict, InvalidInput, Unavailable
from backend.operations.migration import migrate
from backend.settings import Settings
from backend.specification import validate
from backend.store import (
    Database,
    backup,
    changes,
    consistency,
    dispatch,
    experiments,
    external_runs,
    logged_files,
    metrics,
    received_entries,
    restore,
    runs,
    schema,
    transitions,
)
from backend.store.external_runs import Dataset
from backend.store.logged_files import Content
from backend.store.tables import Base, Experiment, Metric, MetricSummary, Run
from backend.store.transitions import Lease
from tests.api import record_epochs
from tests.external import finished_run, log_rows
from tests.product import ROOT, wait_for
from tests.scenes import MOONS, Scene, write_scene

RELEASES = sorted((ROOT / "tests" / "data" / "releases").glob("*.db.gz"))
RUNNING = Scene({"dataset": MOONS, "training": {"seeds": 2}}, 30, None)
SCENE = Scene({"name": "Kept é", "dataset": MOONS, "training": {"seeds": 3}}, 20)


def restore_backup(path: Path, database: Database) -> dict[str, int]:
    return restore.read(path, database, verdicts=list(Verdict))


def content(database: Database) -> dict[str, list[Any]]:
    """Return all rows of all tables, except columns that a restore advances."""
    with database.read() as session:
        return {
            table.name: sorted(map(repr, session.execute(select(*kept(table))).all()))
            for table in Base.metadata.sorted_tables
            if table.name not in backup.NOT_COPIED
        }


def kept(table: Table) -> list[Column[Any]]:
    raised = [Experiment.__table__.c.revision, Run.__table__.c.attempt]
    return [column for column in table.columns if column not in raised]


def fill(database: Database) -> None:
    write_scene(database, SCENE)
    with database.write() as session:
        metrics.record(session, [metrics.Point(1, "odd", 1, float("nan"), 0)])
        session.execute(update(Run).where(Run.id == 1).values(pinned=True, note="line\tone\\N"))
        experiments.create_experiment(
            session, validate(SCENE.document), follows=runs.get(session, 1)
        )
        # updating the row makes PostgreSQL return it after its follow-up
        session.execute(update(Experiment).where(Experiment.id == 1).values(note="followed"))


def log_outside(database: Database) -> None:
    """Add an external run with everything that a client may log."""
    run = finished_run(database, params={"hidden": "8"})
    log_rows(database, run, [("val_loss", 60, 1, float("nan")), ("acc", -1, 2, 0.5)])
    with database.write() as session:
        external_runs.add_datasets(session, run, [Dataset("digits", "d1", "train", {"rows": 9})])
        logged_files.put(session, f"3/{run.external_id}/artifacts/a.txt", Content("a" * 64, 1), 3)
        received_entries.add(session, run.run_id, ["entry"])


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path}/target/lab.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest) -> Iterator[Database]:
    """An empty database to restore into, on each engine."""
    database = Database(request.getfixturevalue(f"empty_{request.param}_url"))
    yield database
    database.dispose()


def test_a_backup_is_restored_on_either_database(
    database: Database, target: Database, tmp_path: Path
) -> None:
    fill(database)
    log_outside(database)
    backup.write(database, tmp_path / "kept.db")
    restore_backup(tmp_path / "kept.db", target)
    assert content(target) == content(database)
    experiment_id, _ = write_scene(target, SCENE)  # ids continue after the restored ones
    assert experiment_id == 4


def test_a_restore_invalidates_later_leases(
    database: Database, target: Database, tmp_path: Path
) -> None:
    """Workers may still run; runs continue from the state in the backup."""
    _, (first, second) = write_scene(database, RUNNING)
    with database.write() as session:  # the second is queued, with its message sent
        never = {"status": "queued", "attempt": 0, "lease_expires_at": None}
        session.execute(update(Run).where(Run.id == second).values(**never))
        dispatch.mark_sent(session, [second])
    backup.write(database, tmp_path / "kept.db")
    claim = partial(transitions.claim, worker="a", lease_seconds=60)
    restore_backup(tmp_path / "kept.db", target)
    with database.write() as session:
        (held,) = claim(session, [second])  # after the backup
    with target.write() as session:
        rows = session.execute(select(Run.status, Run.epoch, Run.lease_expires_at, Run.sent_at))
        assert rows.all() == [("queued", 30, None, None)] * 2
        assert consistency.state_problems(session) == []
        assert len(claim(session, [first, second])) == 2
        old = [Lease(first, 1, 1), held.lease]
        assert transitions.renew(session, old, lease_seconds=60) == {}
        news = changes.changes_since(session, 1_000_000, experiment_id=1)
        assert [(change.run_id, change.kind) for change in news] == [(first, "status")]


def test_a_backup_is_consistent_during_writes(database: Database, tmp_path: Path) -> None:
    _, run_ids = write_scene(database, SCENE)
    stop = threading.Event()
    written = 20

    def write() -> None:
        nonlocal written
        while not stop.is_set():  # points of all runs in one transaction, as a worker writes them
            with database.write() as session:
                points = [metrics.Point(id_, "val_loss", written + 1, 1.0, 0) for id_ in run_ids]
                metrics.record(session, points)
            written += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_for(lambda: written > 22)
        backup.write(database, tmp_path / "kept.db")
    finally:
        stop.set()
        writer.join()
    (end,) = last_steps(tmp_path / "kept.db", run_ids)
    assert 22 < end <= written


def test_the_postgresql_transaction_ends_before_the_copy_is_committed(
    postgresql_url: str, tmp_path: Path
) -> None:
    """A commit of several GB takes longer than the idle transaction timeout of the server."""
    database, sleeping = Database(postgresql_url), []
    fill(database)

    def look(connection: Connection) -> None:
        if connection.dialect.name == "sqlite":
            with psycopg.connect(postgresql_url) as other_connection:
                sleeping.append(other_connection.execute(IN_TRANSACTION).fetchone())

    event.listen(Engine, "commit", look)
    try:
        backup.write(database, tmp_path / "kept.db")
    finally:
        event.remove(Engine, "commit", look)
        database.dispose()
    assert set(sleeping) == {(0,)}


IN_TRANSACTION = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
)


def last_steps(snapshot: Path, run_ids: list[int]) -> set[int]:
    """Return the last steps of val_loss of the runs in a backup."""
    target = Database(f"sqlite:///{snapshot}.restored")
    restore_backup(snapshot, target)
    with target.read() as session:
        series_by_run = metrics.series_of(session, run_ids, ["val_loss"])
    target.dispose()
    return {series["val_loss"].steps[-1] for series in series_by_run.values()}


def test_a_database_that_is_not_empty_is_not_overwritten(
    database: Database, tmp_path: Path
) -> None:
    fill(database)
    backup.write(database, tmp_path / "kept.db")
    before = content(database)
    with pytest.raises(Conflict, match="not empty"):
        restore_backup(tmp_path / "kept.db", database)
    assert content(database) == before


def test_an_existing_file_is_not_overwritten(sqlite_database: Database, tmp_path: Path) -> None:
    (tmp_path / "kept.db").write_text("precious")
    with pytest.raises(Conflict, match="exists"):
        backup.write(sqlite_database, tmp_path / "kept.db")
    assert (tmp_path / "kept.db").read_text() == "precious"


def test_two_backups_to_one_path_do_not_interfere(migrated_sqlite: Path, tmp_path: Path) -> None:
    data, path = tmp_path / "data", tmp_path / "kept.db"
    data.mkdir()
    shutil.copy(migrated_sqlite, data / "lab.db")
    command = ["-m", "backend.cli", "backup", str(path), "--data-dir", str(data)]
    with backup._unfinished_file(path) as unfinished:
        unfinished.write_text("not yet whole")
        subprocess.run([sys.executable, *command], cwd=ROOT, check=True)
        assert unfinished.read_text() == "not yet whole"
        shutil.copy(path, unfinished)
    assert restore_backup(path, Database(f"sqlite:///{tmp_path}/target.db"))["runs"] == 0


def test_a_failed_backup_is_explained_in_one_sentence(
    migrated_sqlite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, path = tmp_path / "data", tmp_path / "none" / "kept.db"
    command = ["backup", str(path), "--data-dir", str(data)]
    assert main(command) == 2
    assert "there is no database at" in capsys.readouterr().err
    assert not data.exists()
    data.mkdir()
    shutil.copy(migrated_sqlite, data / "lab.db")
    assert main(command) == 2
    assert "none is not a folder" in capsys.readouterr().err
    # as in a folder without write permission
    (tmp_path / f".kept.db.{os.getpid()}.unfinished").mkdir()
    assert main(["backup", str(tmp_path / "kept.db"), "--data-dir", str(data)]) == 2
    assert "kept.db cannot be written: " in capsys.readouterr().err


def test_a_damaged_backup_is_refused(sqlite_database: Database, tmp_path: Path) -> None:
    fill(sqlite_database)
    path = tmp_path / "kept.db"
    backup.write(sqlite_database, path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE metric_summaries SET min = 0 WHERE run_id = 2")
    with pytest.raises(InvalidInput, match="damaged: the table metric_summaries has changed since"):
        restore_backup(path, Database(f"sqlite:///{tmp_path}/target.db"))


def test_a_file_that_is_not_a_backup_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kept.db").write_text("no database")
    arguments = ["--data-dir", str(tmp_path / "data")]
    assert main(["restore", str(tmp_path / "kept.db"), *arguments]) == 2
    assert "is not a backup, or cannot be read: file is not a database" in capsys.readouterr().err


def test_a_newer_schema_is_refused(sqlite_database: Database, tmp_path: Path) -> None:
    backup.write(sqlite_database, tmp_path / "kept.db")
    with closing(sqlite3.connect(tmp_path / "kept.db")) as connection, connection:
        connection.execute("UPDATE backup SET value = '9999' WHERE name = 'schema'")
    with pytest.raises(InvalidInput, match=r"its schema 9999 \(made by version .* is unknown"):
        restore_backup(tmp_path / "kept.db", Database(f"sqlite:///{tmp_path}/target.db"))


def test_a_database_of_a_newer_schema_is_not_started(settings: Settings) -> None:
    database = Database(settings.database_url)
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.dispose()
    with pytest.raises(Unavailable, match="its schema 9999 is unknown to version"):
        migrate(settings)


def test_a_database_without_a_declared_column_is_not_started(settings: Settings) -> None:
    database = Database(settings.database_url)
    with database.write() as session:
        session.execute(text("ALTER TABLE runs RENAME COLUMN error TO failure"))
    database.dispose()
    with pytest.raises(Unavailable, match=r"it lacks runs\.error.*start with an empty folder"):
        migrate(settings)


def test_a_killed_restore_can_be_repeated(
    database: Database, target: Database, tmp_path: Path
) -> None:
    fill(database)
    backup.write(database, tmp_path / "kept.db")
    code = (
        "import os, signal, sys; from pathlib import Path; from backend.store import restore\n"
        "from backend.store import Database\n"
        "fill = restore._fill\n"
        "def killed(source, session, table):\n"
        "    done = fill(source, session, table)\n"
        "    if table.name == 'metric_summaries': os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return done\n"
        "restore._fill = killed\n"
        "restore.read(Path(sys.argv[1]), Database(sys.argv[2]), verdicts=sys.argv[3:])"
    )
    url = target.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", code, str(tmp_path / "kept.db"), url, *Verdict]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    with target.read() as session:
        assert session.scalar(select(func.count()).select_from(Experiment)) == 0
    restore_backup(tmp_path / "kept.db", target)
    assert content(target) == content(database)


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_the_data_of_each_release_are_migrated_to_the_newest_schema(
    release: Path, target: Database, tmp_path: Path
) -> None:
    path = tmp_path / "release.db"
    path.write_bytes(gzip.decompress(release.read_bytes()))
    with closing(sqlite3.connect(path)) as old:
        values = old.execute("SELECT packed_values FROM metrics ORDER BY 1").fetchall()
        summaries = old.execute("SELECT count(*) FROM metric_summaries").fetchone()[0]
    restore_backup(path, target)
    assert schema.revision(target) == schema.newest()
    assert schema.differences(target) == []
    with target.read() as session:
        assert sorted(session.scalars(select(Metric.packed_values))) == [row for (row,) in values]
        assert session.scalar(select(func.count()).select_from(MetricSummary)) == summaries
        run = session.get_one(Run, 1)
        assert (run.status, run.note, run.pinned) == ("finished", "a note", True)
        assert [row.name for row in session.scalars(select(Experiment))] == ["Points é", "Moons"]
    record_epochs(target, 1, 1, range(1000, 1001), key="new")


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_a_sqlite_database_is_backed_up_before_its_schema_changes(
    release: Path, tmp_path: Path
) -> None:
    """An earlier backup restored by hand is backed up before its migration like any file."""
    database = tmp_path / "lab.db"
    database.write_bytes(gzip.decompress(release.read_bytes()))
    with closing(sqlite3.connect(database)) as old:
        revision = old.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    settings = Settings(data_dir=tmp_path)
    migrate(settings)
    with closing(sqlite3.connect(database)) as new:
        versions = new.execute("SELECT version_num FROM alembic_version").fetchall()
    assert versions == [(schema.newest(),)]
    backups = tmp_path / "backups"
    (backup,) = backups.glob(f"schema-{revision}-*.db")
    renamed = backup.rename(backups / f"schema-{revision}-2026-01-01T000000Z.db")
    database.write_bytes(gzip.decompress(release.read_bytes()))  # restored by hand, migrated again
    migrate(settings)
    assert len(list(backups.iterdir())) == 2
    target = Database(f"sqlite:///{tmp_path}/again.db")
    assert restore_backup(renamed, target)["runs"] == 4
    target.dispose()


def test_a_failing_migration_does_not_add_a_backup_at_each_attempt(tmp_path: Path) -> None:
    database = tmp_path / "lab.db"
    database.write_bytes(gzip.decompress(RELEASES[0].read_bytes()))
    with closing(sqlite3.connect(database)) as old:
        old.execute("CREATE TABLE operations (id INTEGER PRIMARY KEY)")  # makes the migration fail
    with pytest.raises(Unavailable, match="already exists"):
        migrate(Settings(data_dir=tmp_path))
    with closing(sqlite3.connect(database)) as same:
        assert same.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
    assert list((tmp_path / "backups").iterdir()) == []

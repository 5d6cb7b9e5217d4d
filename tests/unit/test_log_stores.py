"""Logs that need a library or a database: mlflow.db, Parquet, and folders of event files."""

import builtins
import sqlite3
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from backend.log_formats import LogFile, Unreadable, find_losses, read_log, read_logs
from backend.log_formats.read import read_file
from backend.log_formats.tensorboard import _masked

TRAIN = [2.0, 1.0, 0.5, 0.25]
VALIDATION = [2.5, 1.5, 1.0, 1.25]
SCHEMA = """
CREATE TABLE runs (run_uuid TEXT, name TEXT, start_time INTEGER);
CREATE TABLE metrics (key TEXT, value REAL, timestamp INTEGER, run_uuid TEXT, step INTEGER,
                      is_nan BOOLEAN);
CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
INSERT INTO runs VALUES ('abc', 'bold-fox', 1), ('def', 'calm-owl', 2);
INSERT INTO params VALUES ('lr', '0.1', 'abc');
"""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(SCHEMA)
        rows = [
            (name, value, 1000 * step, run, step, False)
            for run in ("abc", "def")
            for name, values in (("train_loss", TRAIN), ("val_loss", VALIDATION))
            for step, value in enumerate(values)
        ]
        connection.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", rows)
    connection.close()
    yield path


def test_a_database_of_mlflow_holds_a_history_for_each_run(database: Path) -> None:
    for content in (database, database.read_bytes()):
        first, second = read_file(LogFile("mlflow.db", content))
        assert (first.name, second.name, first.params) == ("bold-fox", "calm-owl", {"lr": "0.1"})
        assert find_losses(first).validation.values.tolist() == VALIDATION
        assert first.times["val_loss"].tolist() == [0, 1000, 2000, 3000]


def test_another_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE a (b)")
    connection.close()
    with pytest.raises(Unreadable, match="not one of MLflow: no such table: runs"):
        read_log(str(tmp_path / "other.db"))


def test_a_database_whose_tables_never_end_is_refused(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, i FROM n"
    with sqlite3.connect(tmp_path / "bomb.db") as connection:
        connection.execute(f"CREATE VIEW runs (run_uuid, name) AS {endless} WHERE i < 0")
    connection.close()
    with pytest.raises(Unreadable):
        read_log(str(tmp_path / "bomb.db"))


def test_without_polars_a_parquet_table_is_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load = builtins.__import__

    def without_polars(name: str, *rest: Any) -> Any:
        if name == "polars":
            raise ImportError
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_polars)
    with pytest.raises(Unreadable, match="pip install polars"):
        read_file(LogFile("a.parquet", b"PAR1" + bytes(40)))


def test_a_damaged_parquet_table_is_refused() -> None:
    with pytest.raises(Unreadable, match="Parquet"):
        read_file(LogFile("a.parquet", b"PAR1" + bytes(40) + b"PAR1"))


def event_file(series: Mapping[str, Sequence[float]], first: int = 0) -> bytes:
    """Return the event file of scalars, one step after the other."""
    records = []
    for tag, values in series.items():
        for step, value in enumerate(values, first):
            name = tag.encode()
            scalar = b"\x0a" + bytes([len(name)]) + name + b"\x15" + struct.pack("<f", value)
            summary = b"\x0a" + bytes([len(scalar)]) + scalar
            event = b"\x09" + struct.pack("<d", 1e9 + step) + b"\x10" + bytes([step])
            event += b"\x2a" + bytes([len(summary)]) + summary
            length = struct.pack("<Q", len(event))
            records.append(length + struct.pack("<I", _masked(length)) + event + bytes(4))
    return b"".join(records)


def folder_of(files: Mapping[str, bytes]) -> list[list[float]]:
    found = read_logs([LogFile(name, content) for name, content in files.items()]).histories
    return [find_losses(history).validation.values.tolist() for history in found]


LOSSES = {"train_loss": TRAIN, "val_loss": VALIDATION}


def test_event_files_that_start_over_are_several_runs() -> None:
    files = {f"events.out.tfevents.{time}": event_file(LOSSES) for time in (1, 2)}
    assert folder_of(files) == [VALIDATION, VALIDATION]


def test_event_files_that_go_on_are_one_run() -> None:
    files = {
        "events.out.tfevents.1": event_file(LOSSES),
        "events.out.tfevents.2": event_file(LOSSES, first=3),
    }
    assert folder_of(files) == [VALIDATION[:3] + VALIDATION]


def test_events_over_different_counters_are_refused_if_times_do_not_pair_them() -> None:
    series = {"train_loss": [value for value in TRAIN for _ in range(10)]}
    batches = event_file(series)
    (history,) = read_file(LogFile("events.out.tfevents.1", batches + event_file(
        {"val_loss": VALIDATION})))  # fmt: skip
    with pytest.raises(Unreadable, match="count different things"):
        find_losses(history)  # all times of validation lie within the first batches


def test_params_of_a_table_next_to_event_files_are_kept_once(tmp_path: Path) -> None:
    (tmp_path / "version_0").mkdir()
    pairs = enumerate(zip(TRAIN, VALIDATION, strict=True))
    rows = "".join(f"{at},{train},{val}\n" for at, (train, val) in pairs)
    (tmp_path / "version_0/metrics.csv").write_text(f"epoch,train_loss,val_loss\n{rows}")
    (tmp_path / "version_0/hparams.yaml").write_text("lr: 0.1\n")
    (tmp_path / "version_0/events.out.tfevents.1").write_bytes(event_file(LOSSES))
    (history,) = read_log(str(tmp_path))
    assert history.params == {"lr": "0.1"}

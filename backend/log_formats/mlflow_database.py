"""mlflow.db: the SQLite database of MLflow's tracking server, opened read-only."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from backend import work_budget
from backend.errors import TooExpensive
from backend.log_formats.history import History, Unreadable
from backend.log_formats.limits import log_limits
from backend.log_formats.log_file import LogFile
from backend.log_formats.log_format import FileFormat
from backend.log_formats.logged import history_of_points
from backend.pairing.logged_points import LoggedPoints

MAGIC = b"SQLite format 3\0"
STEPS_PER_CHECK = 10_000  # of SQLite's machine: a fraction of a millisecond
MAX_RUNS = 1000
MAX_POINTS = 5_000_000
RUNS = "SELECT run_uuid, name FROM runs ORDER BY start_time, run_uuid LIMIT ?"
METRICS = "SELECT key, step, timestamp, value, is_nan FROM metrics WHERE run_uuid = ? LIMIT ?"
TEXTS = "SELECT key, value FROM {} WHERE run_uuid = ? LIMIT 10000"


def read_database(file: LogFile) -> list[History]:
    """Return the histories of the runs of a tracking database. Raises Unreadable."""
    try:
        with closing(_opened(file)) as database:
            database.set_progress_handler(_checked, STEPS_PER_CHECK)
            histories = list(_histories(database))
    except sqlite3.OperationalError as error:
        work_budget.check()
        if "no such table" in str(error) or "no such column" in str(error):
            raise Unreadable(f"it is a SQLite database, not one of MLflow: {error}") from error
        raise Unreadable(f"it is a SQLite database that cannot be read: {error}") from error
    except sqlite3.Error as error:
        raise Unreadable(f"it is a damaged SQLite database: {error}") from error
    if not histories:
        raise Unreadable("its database of MLflow has no run with metrics")
    return histories


def _opened(file: LogFile) -> sqlite3.Connection:
    """Return a read-only connection. Views and triggers of the file cannot call functions."""
    if isinstance(file.content, Path):
        database = sqlite3.connect(f"{file.content.resolve().as_uri()}?mode=ro", uri=True)
    else:
        database = sqlite3.connect(":memory:")
        data = file.read(log_limits().max_log_file_bytes, "LAB_MAX_LOG_FILE_BYTES")
        database.deserialize(data)
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA query_only = ON")
    return database


def _checked() -> int:
    """Interrupt a query beyond the budget: return 1, as an exception cannot pass through SQLite."""
    try:
        work_budget.check()
    except TooExpensive:
        return 1
    return 0


def _histories(database: sqlite3.Connection) -> Iterator[History]:
    left = MAX_POINTS
    for run, name in database.execute(RUNS, (MAX_RUNS,)).fetchall():
        rows: dict[str, list[tuple[int, int, float]]] = {}
        for key, step, time, value, is_nan in database.execute(METRICS, (run, left)):
            number = float("nan") if is_nan or value is None else float(value)
            rows.setdefault(str(key), []).append((int(step or 0), int(time or 0), number))
            left -= 1
        metrics = {key: _points(points) for key, points in rows.items()}
        params, tags = (dict(_texts(database, table, run)) for table in ("params", "tags"))
        own = tags.get("mlflow.runName") or name or str(run)
        if history := history_of_points(metrics, params=params, tags=tags, name=str(own)):
            yield history


def _points(rows: Sequence[tuple[int, int, float]]) -> LoggedPoints:
    steps, times, values = zip(*rows, strict=True)
    return LoggedPoints.of(steps, values, times)


def _texts(database: sqlite3.Connection, table: str, run: str) -> Iterator[tuple[str, str]]:
    for key, value in database.execute(TEXTS.format(table), (run,)):
        yield str(key), str(value)


FORMAT = FileFormat(
    name="database of MLflow",
    looks="the SQLite database of a tracking server, with the tables runs, metrics, params and "
    "tags",
    files="mlflow.db",
    example={},
    sniff=lambda file: file.head.startswith(MAGIC),
    read=read_database,
)

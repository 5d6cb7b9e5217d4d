"""External runs for tests: created and logged to as the endpoints of their clients do."""

from collections.abc import Mapping, Sequence
from math import exp

from backend.store import Database
from backend.store.external_runs import LoggedRun
from backend.store.logged_points import Batch
from backend.tracking.experiments import find_or_create
from backend.tracking.logs import RunLog, log
from backend.tracking.runs import create_run, update_run

Row = tuple[str, int, int, float]
"""A point: metric, step, timestamp in milliseconds, value."""


def batch(*rows: Row) -> Batch:
    return Batch(*zip(*rows, strict=True))


def overfitting(
    epochs: int = 60, *, train: str = "loss", validation: str = "val_loss"
) -> list[Row]:
    """Return the losses of a run that overfits, from epoch 0, best at about a third."""
    rows: list[Row] = []
    for epoch in range(epochs):
        fall = exp(-epoch / (epochs / 8))
        rows.append((train, epoch, 1000 * epoch, 0.05 + fall))
        rise = 0.9 * max(0, epoch - epochs / 3) / epochs
        rows.append((validation, epoch, 1000 * epoch, 0.15 + fall + rise))
    return rows


def start_run(
    database: Database, *, experiment: str = "elsewhere", params: Mapping[str, str] | None = None
) -> LoggedRun:
    with database.write() as session:
        run = create_run(session, find_or_create(session, experiment).id, "mlflow")
        log(session, RunLog(run.external_id, params=params or {}))
        return run


def log_rows(database: Database, run: LoggedRun, rows: Sequence[Row]) -> None:
    with database.write() as session:
        log(session, RunLog(run.external_id, batch(*rows)))


def finish(database: Database, run: LoggedRun) -> None:
    with database.write() as session:
        update_run(session, run.external_id, status="finished")


def finished_run(
    database: Database,
    rows: Sequence[Row] | None = None,
    *,
    experiment: str = "elsewhere",
    params: Mapping[str, str] | None = None,
) -> LoggedRun:
    run = start_run(database, experiment=experiment, params=params)
    log_rows(database, run, overfitting() if rows is None else rows)
    finish(database, run)
    return run

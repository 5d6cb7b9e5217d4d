"""Erase long-deleted runs and experiments, and release the disk space that they used."""

import logging
import sqlite3
from collections.abc import Sequence
from typing import NamedTuple, cast

from sqlalchemy import delete, exists, or_, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from backend.runs.states import ENDED
from backend.store import curation, run_params, undo_log
from backend.store.engine import Database, now_ms
from backend.store.tables import Experiment, LoggedPoints, Metric, Run

RUNS_PER_REMOVAL = 50  # takes 0.2 s on SQLite, during which other writers wait


def remove(session: Session, *, after_days: float, limit: int = RUNS_PER_REMOVAL) -> int:
    """Remove at most `limit` runs deleted more than `after_days` ago, and experiments left empty.

    A run that still trains stays until its worker has released it. Operations that can no longer be
    undone are deleted too. Returns how many runs were removed: none while another transaction
    curates runs, because it may be restoring them.
    """
    if not curation.lock(session, wait=False):
        return 0
    undo_log.forget_expired(session)
    before = now_ms() - int(after_days * 86_400_000)
    expired = select(Experiment.id).where(Experiment.deleted_at <= before)
    run_ids = session.scalars(
        select(Run.id)
        .where(or_(Run.deleted_at <= before, Run.experiment_id.in_(expired)), Run.status.in_(ENDED))
        .limit(limit)
    ).all()
    _remove_runs(session, run_ids)
    empty = ~exists().where(Run.experiment_id == Experiment.id)
    removed = delete(Experiment).where(Experiment.deleted_at <= before, empty)
    ids = session.scalars(removed.returning(Experiment.id)).all()
    undo_log.forget_owners(session, "experiment", ids)
    return len(run_ids)


def _remove_runs(session: Session, run_ids: Sequence[int]) -> None:
    """Remove runs and their records; rows with foreign keys are deleted by the database."""
    if run_ids:
        for points in (Metric, LoggedPoints):  # without foreign keys
            session.execute(delete(points).where(points.run_id.in_(run_ids)))
        run_params.remove(session, run_ids)
        undo_log.forget_owners(session, "run", run_ids)
        session.execute(delete(Run).where(Run.id.in_(run_ids)))


def waits(session: Session, *, after_days: float) -> bool:
    """Return whether there are runs or experiments to remove."""
    if undo_log.has_expired(session):
        return True
    before = now_ms() - int(after_days * 86_400_000)
    return any(
        session.scalar(select(table.id).where(table.deleted_at <= before).limit(1)) is not None
        for table in (Run, Experiment)
    )


logger = logging.getLogger(__name__)

INCREMENTAL = 2  # SQLite's number for this auto_vacuum mode
PAGES_AT_ONCE = 2000  # 8 MB; other writers wait for tens of milliseconds


def prepare_vacuum(database: Database) -> None:
    """Enable incremental vacuum on SQLite; a file of version 0.1.0 is rewritten once.

    If that fails, for lack of disk space or because the file is busy, the next start tries again.
    """
    if database.engine.dialect.name == "sqlite":
        with database.engine.connect() as connection:
            driver = cast(sqlite3.Connection, connection.connection.driver_connection)
            if _vacuum_mode(driver) != INCREMENTAL:
                driver.execute(f"PRAGMA auto_vacuum={INCREMENTAL}")
                try:
                    driver.execute("VACUUM")
                except sqlite3.Error as error:
                    logger.warning(
                        "could not enable incremental vacuum; free space stays in the file: %s",
                        error,
                    )


def release_pages(database: Database) -> int:
    """Cut some free pages off a SQLite file; return how many are free afterwards.

    Raises OperationalError if other writers take too long, or the disk is full.
    """
    if database.engine.dialect.name != "sqlite":
        return 0
    with database.engine.connect() as connection:
        driver = cast(sqlite3.Connection, connection.connection.driver_connection)
        if _vacuum_mode(driver) != INCREMENTAL or not _free_pages(driver):
            return 0  # without taking the lock
        try:
            driver.executescript(_CUT)
        except sqlite3.OperationalError as error:
            raise OperationalError(_CUT, None, error) from error
        return _free_pages(driver)


# A script, because Python runs only one step of a statement without columns, which frees one page.
# The checkpoint writes the log into the file, which shortens it; PASSIVE does not block writers.
_CUT = f"PRAGMA incremental_vacuum({PAGES_AT_ONCE}); PRAGMA wal_checkpoint(PASSIVE)"


def _vacuum_mode(driver: sqlite3.Connection) -> int:
    return int(driver.execute("PRAGMA auto_vacuum").fetchone()[0])


def _free_pages(driver: sqlite3.Connection) -> int:
    return int(driver.execute("PRAGMA freelist_count").fetchone()[0])


class DatabaseSize(NamedTuple):
    """Bytes on disk, and how many of them are free (None if the database does not report it)."""

    total: int
    free: int | None


def database_size(session: Session) -> DatabaseSize:
    """Return the size of the database. Reads no table."""
    if session.get_bind().dialect.name == "postgresql":
        size = session.scalar(text("SELECT pg_database_size(current_database())"))
        return DatabaseSize(int(size or 0), None)
    pages, free, page_bytes = (
        int(session.scalar(text(f"PRAGMA {name}")) or 0)
        for name in ("page_count", "freelist_count", "page_size")
    )
    return DatabaseSize(pages * page_bytes, free * page_bytes)

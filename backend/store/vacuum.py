"""The size of the database, and the return of free space to the disk.

SQLite: an incremental vacuum cuts a few free pages at a time off the end of the file, so that other
writers do not wait long. PostgreSQL: autovacuum makes the space available for new rows.
"""

import logging
import sqlite3
from typing import NamedTuple, cast

from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from backend.store.engine import Database

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

"""What was removed gives its space back to the disk.

SQLite: pages that are free are cut off the end of the file a few at a time (incremental vacuum),
so that nobody waits long. PostgreSQL: autovacuum makes the space free for what comes next.
"""

import logging
import sqlite3
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from backend.store.engine import Database

logger = logging.getLogger(__name__)

INCREMENTAL = 2  # SQLite's number for that kind of auto_vacuum
PAGES_AT_ONCE = 2000  # 8 MB: writers wait for tens of milliseconds


def prepare_vacuum(database: Database) -> None:
    """Make sure that SQLite can give space back; a file of version 0.1.0 is rewritten once.

    Without the room or the time for it everything else works, and the next start tries again.
    """
    if database.engine.dialect.name == "sqlite":
        with database.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            if _kind(driver) != INCREMENTAL:
                driver.execute(f"PRAGMA auto_vacuum={INCREMENTAL}")
                try:
                    driver.execute("VACUUM")
                except sqlite3.Error as error:
                    logger.warning("the file stays as it is and gives no space back: %s", error)


def release_pages(database: Database) -> int:
    """Cut some free pages off a SQLite file; return how many are free after that.

    Raises OperationalError when others write for too long, or the disk is full.
    """
    if database.engine.dialect.name != "sqlite":
        return 0
    with database.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        if _kind(driver) != INCREMENTAL or not _free_pages(driver):
            return 0  # and nobody waited for the lock
        try:
            driver.executescript(_CUT)
        except sqlite3.OperationalError as error:
            raise OperationalError(_CUT, None, error) from error
        return _free_pages(driver)


# As a script: of a statement without columns Python takes one step, which is one page. The file is
# cut once the write-ahead log is in it; passive keeps nobody waiting.
_CUT = f"PRAGMA incremental_vacuum({PAGES_AT_ONCE}); PRAGMA wal_checkpoint(PASSIVE)"


def _kind(driver: Any) -> int:
    return int(driver.execute("PRAGMA auto_vacuum").fetchone()[0])


def _free_pages(driver: Any) -> int:
    return int(driver.execute("PRAGMA freelist_count").fetchone()[0])


class DatabaseSize(NamedTuple):
    """Bytes on disk, and those of them that are free (None where the database does not say)."""

    total: int
    free: int | None


def database_size(session: Session) -> DatabaseSize:
    """Return what the database takes; reads no table."""
    if session.get_bind().dialect.name == "postgresql":
        found = session.scalar(text("SELECT pg_database_size(current_database())"))
        return DatabaseSize(int(found or 0), None)
    pages, free, bytes_each = (
        int(session.scalar(text(f"PRAGMA {name}")) or 0)
        for name in ("page_count", "freelist_count", "page_size")
    )
    return DatabaseSize(pages * bytes_each, free * bytes_each)

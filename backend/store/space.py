"""What was removed gives its space back to the disk.

SQLite: pages that are free are cut off the end of the file a few at a time (incremental vacuum),
so that nobody waits long. PostgreSQL: autovacuum makes the space free for what comes next.
"""

from typing import Any

from backend.store.engine import Database

INCREMENTAL = 2  # SQLite's number for that kind of auto_vacuum
PAGES_AT_ONCE = 2000  # 8 MB: writers wait for tens of milliseconds


def prepare(database: Database) -> None:
    """Make sure that SQLite can give space back; a file of version 0.1.0 is rewritten once."""
    if database.engine.dialect.name == "sqlite":
        with database.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            if driver.execute("PRAGMA auto_vacuum").fetchone()[0] != INCREMENTAL:
                driver.execute(f"PRAGMA auto_vacuum={INCREMENTAL}")
                driver.execute("VACUUM")


def give_back(database: Database) -> int:
    """Cut some free pages off a SQLite file; return how many are free after that."""
    if database.engine.dialect.name != "sqlite":
        return 0
    with database.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        # as a script: of a statement without columns Python takes one step, which is one page; and
        # the file is cut once the write-ahead log is in it, where passive keeps nobody waiting
        driver.executescript(
            f"PRAGMA incremental_vacuum({PAGES_AT_ONCE}); PRAGMA wal_checkpoint(PASSIVE)"
        )
        return int(driver.execute("PRAGMA freelist_count").fetchone()[0])

"""Remove what a killed process has left in the folder of the data sets."""

import logging
import time

from backend.datasets.column_files import COLUMN_FOLDER
from backend.store import Database, datasets

logger = logging.getLogger(__name__)

SPARED_SECONDS = 3600  # another process may be adding a data set


def remove_leftovers(database: Database) -> None:
    """Remove old column files that no data set has."""
    before = time.time() - SPARED_SECONDS
    try:
        for path in COLUMN_FOLDER.path().glob("??/*.npz"):
            if path.stat().st_mtime < before:
                with database.read() as session:
                    is_used = datasets.uses_columns(session, path.stem)
                if not is_used:
                    path.unlink(missing_ok=True)
    except OSError as error:
        logger.error("old files of data sets could not be removed: %s", error)

"""The marker next to the database: the id of the database that this data folder was used with.

Nothing starts on a new, empty database where the marker names one. Otherwise a lost file or volume
would look like a lab in which nobody has worked yet.
"""

import json
import logging
import os
import re
from pathlib import Path

from backend.errors import Unavailable
from backend.private_files import open_unlinked
from backend.settings import Settings

logger = logging.getLogger(__name__)

NAME = "database.json"
PASSWORD = re.compile(r"(?<=[^:/]):[^:/@]*(?=@)")  # in a URL
DEFAULT = "the database in this folder"


def refuse_lost(settings: Settings) -> None:
    """Raise Unavailable if the empty database of the settings was in use before."""
    path = settings.data_dir.resolve() / NAME
    if _read(path).get("database") == _location(settings):
        where = settings.sqlite_path or "LAB_DATABASE"
        raise Unavailable(
            f"the database at {where} is missing or empty, but was in use before. "
            f"{way_out(settings)} To start with an empty database, delete {path}."
        )


def remember(settings: Settings, installation_id: str) -> None:
    """Write the marker of a migrated database. Logs a warning if it replaces another one."""
    path = settings.data_dir.resolve() / NAME
    known, marker = _read(path), {"database": _location(settings), "id": installation_id}
    if known == marker:
        return
    if known.get("database") == marker["database"]:
        logger.warning("the database is another one than at the last start")
    partial = path.with_name(f"{NAME}.partial")
    partial.unlink(missing_ok=True)
    with open(partial, "w", opener=open_unlinked) as file:
        json.dump(marker, file)
        os.fsync(file.fileno())
    partial.replace(path)


def way_out(settings: Settings) -> str:
    """Return how to get the data of a lost or damaged database back."""
    restore = f"lab restore {newest_backup(settings) or 'FILE'}"
    path = settings.sqlite_path
    if not path:
        return f"Restore a backup into an empty database: {restore}."
    if not path.exists():
        return f"Put the file back, or restore a backup: {restore}."
    return f"Move {path} and its -wal and -shm files away, and restore a backup: {restore}."


def newest_backup(settings: Settings) -> Path | None:
    """Return the newest backup in the data folder, None without one."""
    backups = (settings.data_dir.resolve() / "backups").glob("*.db")
    return max(backups, key=lambda path: path.stat().st_mtime, default=None)


def _location(settings: Settings) -> str:
    """Return the database of the settings without its password."""
    if settings.database is None:
        return DEFAULT
    return PASSWORD.sub("", settings.database)


def _read(path: Path) -> dict[str, str]:
    """Return the marker, {} if it is missing or unreadable."""
    try:
        with open(path, opener=open_unlinked) as file:
            marker = json.load(file)
    except (OSError, ValueError):
        return {}
    return marker if isinstance(marker, dict) else {}

"""Migrate the configured database to the newest schema, or refuse it in one sentence."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from backend.errors import InvalidInput, Unavailable
from backend.operations import database_marker
from backend.private_files import kind_refusal
from backend.settings import Settings
from backend.store import Database, backup, loss, reason, schema, vacuum
from backend.store.installation import installation_id
from backend.store.sqlite_file import problem_of

logger = logging.getLogger(__name__)

ADVICE = (
    "Use the version that wrote it, restore a backup of this version, or start with an empty "
    "folder: lab up --data-dir NEW (docs/upgrading.md)."
)
SUPPORTED = ("sqlite:///", "postgresql://", "postgresql+psycopg://")


def migrate(settings: Settings) -> None:
    """Apply the migrations. Raises InvalidInput or Unavailable when the database is unusable.

    A SQLite database that has an older schema is first backed up into the data folder. An empty
    database is refused where there was one with data.
    """
    _check_file(settings)
    with opened(settings) as database:
        revision = schema.revision(database)
        if revision is None:
            database_marker.refuse_lost(settings)
        if revision is not None and revision not in schema.known():
            raise Unavailable(f"the database cannot be used: {schema.refusal(revision)} {ADVICE}")
        is_old = revision not in (None, schema.newest())
        copy = _back_up(settings, database, str(revision)) if is_old else None
        try:
            schema.migrate(database)
        except Exception:
            if copy:  # nothing has changed, and each further attempt would add a copy
                copy.unlink()
            raise
        _check_tables(database)
        vacuum.prepare_vacuum(database)
        remember(settings, database)


def _check_file(settings: Settings) -> None:
    """Raise Unavailable if the file of a SQLite database is damaged, or missing where it was."""
    path = settings.sqlite_path
    if path is None:
        return
    if not path.exists() or not path.stat().st_size:
        database_marker.refuse_lost(settings)
    elif problem := problem_of(path):
        raise Unavailable(
            f"the database {path} is damaged ({problem}). {database_marker.way_out(settings)}"
        )


def remember(settings: Settings, database: Database) -> None:
    """Write the id of a migrated database into the data folder."""
    with database.read() as session:
        found = installation_id(session)
    if found:
        database_marker.remember(settings, found)


def _check_tables(database: Database) -> None:
    """Raise Unavailable if a table or column is missing, as after a development version."""
    if missing := schema.missing(database):
        raise Unavailable(
            f"the database cannot be used: it lacks {missing[0]}, although its schema is "
            f"{schema.newest()}: a development version wrote it. {ADVICE}"
        )


def _back_up(settings: Settings, database: Database, revision: str) -> Path | None:
    """Back up a SQLite database before its schema changes. Return the path of the backup.

    Every migration makes a new one, since a user may have gone back to an older version and
    worked with it in between.
    """
    if database.engine.dialect.name != "sqlite":
        return None
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H%M%SZ")
    path = settings.data_dir.resolve() / "backups" / f"schema-{revision}-{moment}.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    backup.write(database, path)
    logger.info("database backed up before the migration", extra={"file": str(path)})
    return path


def refuse_missing(settings: Settings) -> None:
    """Raise Unavailable if the SQLite file is missing, or has no byte and so no table.

    SQLite would create the file, and a migration would fill it.
    """
    path = settings.sqlite_path
    if path is None:
        return
    if path.exists() and not path.is_file():
        raise Unavailable(kind_refusal(path))
    if not path.exists() or not path.stat().st_size:
        if (settings.data_dir / database_marker.NAME).exists():
            database_marker.refuse_lost(settings)
        problem = "there is no database" if not path.exists() else "there is an empty file"
        raise Unavailable(f"{problem} at {path}; --data-dir names the folder of the database.")


@contextmanager
def opened(settings: Settings, *, in_service: bool = False) -> Iterator[Database]:
    """Open the configured database. Raises InvalidInput and Unavailable with one sentence."""
    if not settings.database_url.startswith(SUPPORTED):
        raise InvalidInput(
            "LAB_DATABASE is not a database URL; accepted: sqlite:/// or postgresql:// URLs."
        )
    try:
        database = Database(settings.database_url, in_service=in_service)
        try:
            yield database
        finally:
            database.dispose()
    except (SQLAlchemyError, CommandError, OSError) as error:
        advice = f". {database_marker.way_out(settings)}" if loss(error) else ""
        raise Unavailable(f"the database cannot be used: {reason(error)}{advice}") from error

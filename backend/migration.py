"""Brings the database of the settings to the newest schema, or says in one sentence why not."""

from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from backend.errors import InvalidInput, Unavailable
from backend.settings import Settings
from backend.store import Database, schema

KNOWN = ("sqlite:///", "postgresql://", "postgresql+psycopg://")


def migrate(settings: Settings) -> None:
    """Apply the migrations. Raises InvalidInput or Unavailable when the database is no use."""
    if not settings.database_url.startswith(KNOWN):
        raise InvalidInput("LAB_DATABASE is not an address of SQLite or PostgreSQL.")
    try:
        database = Database(settings.database_url)
        schema.migrate(database)
        database.dispose()
    except (SQLAlchemyError, CommandError, OSError) as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise Unavailable(f"the database cannot be used: {cause}") from error

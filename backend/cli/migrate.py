"""lab migrate: bring the database to the newest schema."""

from argparse import Namespace

from backend.cli.configuration import configured
from backend.errors import InvalidInput, Unavailable
from backend.settings import Settings


def run(options: Namespace) -> int:
    """Migrate and say so."""
    migrate(configured(options, "data_dir"))
    print("The database has the newest schema.")
    return 0


def migrate(settings: Settings) -> None:
    """Apply the migrations. Raises Unavailable when the database cannot be used."""
    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    from backend.store import Database, schema

    if not settings.database_url.startswith(
        ("sqlite:///", "postgresql://", "postgresql+psycopg://")
    ):
        raise InvalidInput("LAB_DATABASE is not an address of SQLite or PostgreSQL.")
    try:
        database = Database(settings.database_url)
        schema.migrate(database)
        database.dispose()
    except (SQLAlchemyError, CommandError, OSError) as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise Unavailable(f"the database cannot be used: {cause}") from error

"""Brings a database to the newest schema."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from backend.store.engine import Database, take_turn
from backend.store.tables import Base

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(database: Database, revision: str = "head") -> None:
    """Apply the migrations up to `revision`, in one transaction."""
    config = _config()
    with database.write() as session:
        connection = session.connection()
        take_turn(session, "migrating")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def differences(database: Database) -> list[Any]:
    """Return what the migrated database lacks of the declared tables; empty when they agree."""
    with database.read() as session:
        context = MigrationContext.configure(session.connection())
        return list(compare_metadata(context, Base.metadata))


def is_current(database: Database) -> bool:
    """Whether all migrations are applied."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    with database.read() as session:
        context = MigrationContext.configure(session.connection())
        return context.get_current_revision() == newest


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config

"""Brings a database to the newest schema."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from backend.store.engine import Database
from backend.store.tables import Base

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 20261123  # any constant: two processes that migrate at once take turns


def migrate(database: Database, revision: str = "head") -> None:
    """Apply the migrations up to `revision`, in one transaction."""
    config = _config()
    with database.write() as session:
        connection = session.connection()
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
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

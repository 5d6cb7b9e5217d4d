"""The schema of a database: its revision, its migrations, and differences to the tables."""

from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select

from backend import __version__
from backend.store.engine import Database, take_turn
from backend.store.tables import Base

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(database: Database, revision: str = "head") -> None:
    """Apply the migrations up to `revision`, in one transaction."""
    config = _config()
    with database.write() as session:
        connection = session.connection()
        if (
            connection.dialect.name == "postgresql"
        ):  # migrations and long reads may hold locks for long
            session.execute(select(func.set_config("lock_timeout", "0", True)))
        take_turn(session, "migrating")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def differences(database: Database) -> list[Any]:
    """Return Alembic's differences between the database and the declared tables."""
    with database.read() as session:
        context = MigrationContext.configure(session.connection())
        return list(compare_metadata(context, Base.metadata))


def missing(database: Database) -> list[str]:
    """Return the declared tables and columns that the database lacks, as `table.column`."""
    additions = [action for action in differences(database) if isinstance(action, tuple)]
    tables = [action[1].name for action in additions if action[0] == "add_table"]
    columns = [f"{action[2]}.{action[3].name}" for action in additions if action[0] == "add_column"]
    return tables + columns


def revision(database: Database) -> str | None:
    """Return the revision of the database's schema, None before the first migration."""
    with database.read() as session:
        return MigrationContext.configure(session.connection()).get_current_revision()


@cache
def newest() -> str:
    """Return the revision that this version of the product needs."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


@cache
def known() -> frozenset[str]:
    """Return the revisions that this version of the product can start from."""
    return frozenset(
        script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()
    )


def refusal(revision: str | None, version: str | None = None) -> str:
    """Return the reason why this version cannot read a schema, as part of a sentence."""
    if revision is None:
        return "it has no schema of Overfit Lab."
    made_by = f" (made by version {version})" if version else ""
    return (
        f"its schema {revision}{made_by} is unknown to version {__version__}, which reads schemas "
        f"up to {newest()}; a newer version of Overfit Lab may read it."
    )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config

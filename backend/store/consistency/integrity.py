"""What the database itself says of its files, and whether it has the tables we declare."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from backend.store import schema
from backend.store.consistency.records import SHOWN
from backend.store.engine import Database

# What PostgreSQL can say without rights of an administrator and without an extension.
_POSTGRESQL = {
    "Index {} is not valid; REINDEX makes it anew": """
        SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND NOT (i.indisvalid AND i.indisready)""",
    "Constraint {} was never validated": """
        SELECT conname FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace
        WHERE n.nspname = current_schema() AND NOT convalidated""",
    "{} pages failed their checksum": """
        SELECT checksum_failures FROM pg_stat_database
        WHERE datname = current_database() AND checksum_failures > 0""",
}


def damaged(session: Session) -> list[str]:
    """Ask SQLite for its integrity check, PostgreSQL for what it knows to be broken."""
    if session.get_bind().dialect.name == "sqlite":
        said = session.scalars(text("PRAGMA integrity_check(10)")).all()
        return [] if list(said) == ["ok"] else [f"The file is damaged: {line}." for line in said]
    return [
        f"{sentence.format(name)}."
        for sentence, query in _POSTGRESQL.items()
        for name in session.scalars(text(query))
    ]


def lacking(database: Database) -> list[str]:
    """Compare the schema's revision, then its tables, with what this version needs."""
    found, needed = schema.revision(database), schema.newest()
    if found is not None and found not in schema.known():
        return [f"This version cannot use the database: {schema.refusal(found)}"]
    if found != needed:
        return [f"The schema is {found or 'missing'}, not {needed}; `lab migrate` brings it there."]
    needs = [_named(one) for one in schema.differences(database)]
    needs = [one for one in needs if not one.startswith("remove table")]  # somebody else's
    return [f"The tables are not as declared; they would need: {one}." for one in needs[:SHOWN]]


def _named(difference: Any) -> str:
    """Put in words what Alembic found: an action, and the table, column or index it is about."""
    while isinstance(difference, list):
        difference = difference[0]
    action, *about = difference
    names = [getattr(one, "name", one) for one in about]
    return f"{action.replace('_', ' ')} {'.'.join(one for one in names if isinstance(one, str))}"

"""Check the files of the database, and compare its tables with the declared ones."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from backend.store import schema
from backend.store.consistency.records import SHOWN
from backend.store.engine import Database

# Problems that PostgreSQL reports without administrator rights or an extension, by query.
_POSTGRESQL_PROBLEMS = {
    "Index {} is invalid; REINDEX rebuilds it": """
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


def file_problems(session: Session) -> list[str]:
    """Run SQLite's integrity check, or read the problems that PostgreSQL has recorded."""
    if session.get_bind().dialect.name == "sqlite":
        lines = session.scalars(text("PRAGMA integrity_check(10)")).all()
        return [] if list(lines) == ["ok"] else [f"The file is damaged: {line}." for line in lines]
    return [
        f"{sentence.format(name)}."
        for sentence, query in _POSTGRESQL_PROBLEMS.items()
        for name in session.scalars(text(query))
    ]


def schema_problems(database: Database) -> list[str]:
    """Compare the revision of the schema, then its tables, with those that this version needs."""
    revision, needed = schema.revision(database), schema.newest()
    if revision is not None and revision not in schema.known():
        return [f"This version cannot use the database: {schema.refusal(revision)}"]
    if revision != needed:
        return [f"The schema is {revision or 'missing'}, not {needed}; run `lab migrate`."]
    changes = [_in_words(difference) for difference in schema.differences(database)]
    changes = [change for change in changes if not change.startswith("remove table")]  # not ours
    return [f"The tables differ from the schema; needed: {change}." for change in changes[:SHOWN]]


def _in_words(difference: Any) -> str:
    """Return a difference of Alembic as text: an action, and its table, column or index."""
    while isinstance(difference, list):
        difference = difference[0]
    action, *subjects = difference
    names = [getattr(subject, "name", subject) for subject in subjects]
    target = ".".join(name for name in names if isinstance(name, str))
    return f"{action.replace('_', ' ')} {target}"

"""Figures about the whole database that cost little to ask for."""

from typing import NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from backend.store.runs import unended as unended
from backend.store.states import ENDED
from backend.store.tables import Run


class Size(NamedTuple):
    """Bytes on disk, and those of them that are free (None where the database does not say)."""

    total: int
    free: int | None


def ended(session: Session) -> dict[str, int]:
    """Return how many runs have ended, by state; reads all of an index, no rows."""
    query = select(Run.status, func.count()).where(Run.status.in_(ENDED)).group_by(Run.status)
    return {state: count for state, count in session.execute(query)}  # noqa: C416 - typed


def size(session: Session) -> Size:
    """Return what the database takes; reads no table."""
    if session.get_bind().dialect.name == "postgresql":
        found = session.scalar(text("SELECT pg_database_size(current_database())"))
        return Size(int(found or 0), None)
    pages, free, bytes_each = (
        int(session.scalar(text(f"PRAGMA {name}")) or 0)
        for name in ("page_count", "freelist_count", "page_size")
    )
    return Size(pages * bytes_each, free * bytes_each)

"""Removal of expired browser sessions and old audit entries."""

from backend.settings import Settings
from backend.store import Database, audit, browser_sessions


def remove_expired(database: Database, settings: Settings) -> bool:
    """Remove some expired rows. Return whether there may be more."""
    with database.write() as session:
        browser_sessions.remove_expired(session)
        removed = audit.remove_old(
            session, days=settings.audit_days, entries=settings.audit_entries
        )
    return removed > 0

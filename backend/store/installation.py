"""The id of an installation: a row that every database gets when it is created.

A database that another one took the place of, such as a restored or an emptied one, has another
id or none.
"""

from sqlalchemy.orm import Session

from backend.store.losses import replaced

_READ = "SELECT id FROM installation"


def installation_id(session: Session) -> str | None:
    """Return the id of the database, None if it was emptied. The database must be migrated."""
    found: str | None = session.connection().exec_driver_sql(_READ).scalar()
    return found


class InstallationWatch:
    """Remembers the id that was seen first, and refuses every other one."""

    def __init__(self) -> None:
        self._id: str | None = None

    def check(self, session: Session) -> None:
        """Raise OperationalError if the database was replaced since it was first seen."""
        found = installation_id(session)
        if found is None or (self._id or found) != found:
            raise replaced(f"the database has the id {found or 'none'}, not {self._id}")
        self._id = found

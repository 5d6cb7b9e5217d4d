"""Loss of the database while it is in use: removed, replaced or damaged files and tables.

Such an error counts as an unreachable database: nothing is stored, and the caller tries again. It
differs in the sentence that explains it, since trying again does not help.
"""

import sqlite3

from sqlalchemy.exc import DBAPIError, OperationalError

SQLITE_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR_SHORT_READ")
SQLSTATES_DAMAGED = ("XX001", "XX002")  # a damaged page, a damaged index
SQLSTATES_REPLACED = ("42P01", "3F000")  # a table or the schema does not exist any more
DAMAGED = "is damaged"
REPLACED = "was removed or replaced while the service was running"


class DatabaseReplaced(Exception):
    """The database was replaced since it was opened."""


class DatabaseDamaged(Exception):
    """A file of the database is damaged, so nothing more may be written to it."""


def replaced(detail: str) -> OperationalError:
    """Return the error that reports a removed or replaced database."""
    return OperationalError(None, None, DatabaseReplaced(detail))


def damaged(detail: str) -> OperationalError:
    """Return the error that reports damage which the driver reported, now or earlier."""
    return OperationalError(None, None, DatabaseDamaged(detail))


def loss(error: BaseException) -> str | None:
    """Return how the database was lost, as part of a sentence, or None for other errors."""
    cause = getattr(error, "orig", None) or error
    sqlstate = getattr(cause, "sqlstate", None)
    if isinstance(cause, DatabaseReplaced) or sqlstate in SQLSTATES_REPLACED:
        return REPLACED
    name = getattr(cause, "sqlite_errorname", "")
    reported = name.startswith(SQLITE_DAMAGED) or sqlstate in SQLSTATES_DAMAGED
    return DAMAGED if reported or isinstance(cause, DatabaseDamaged) else None


def as_unreachable(error: BaseException | None) -> OperationalError | None:
    """Return the error as one that counts as an unreachable database, if the database is lost.

    The drivers raise a different class of error for damage and for missing tables.
    """
    if not isinstance(error, DBAPIError) or isinstance(error, OperationalError):
        return None
    return OperationalError(error.statement, None, error.orig) if loss(error) else None  # type: ignore[arg-type]


def is_damaged(error: sqlite3.Error) -> bool:
    """Return whether an error of SQLite means that its file is damaged."""
    return loss(error) == DAMAGED

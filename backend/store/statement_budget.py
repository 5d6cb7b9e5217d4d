"""The budget of a request ends a statement of the database too, while it runs.

Only in transactions that read. A write is bounded by what it writes, and to end it half-way would
keep large experiments from being deleted at all.
"""

from math import inf

from sqlalchemy import Connection
from sqlalchemy.engine import ExceptionContext

from backend import work_budget
from backend.errors import LabError, TooExpensive

STEPS_BETWEEN_CHECKS = 100_000  # of SQLite's virtual machine, about a millisecond
SQLSTATE_CANCELLED = "57014"  # by the timeout below


def limit_sqlite(connection: Connection, *, writes: bool) -> None:
    """Let SQLite ask the budget of the thread's request now and then."""
    handler = None if writes else work_budget.is_over
    connection.connection.set_progress_handler(handler, STEPS_BETWEEN_CHECKS)


def limit_postgresql(connection: Connection) -> None:
    """Limit each statement of the transaction to the seconds of the budget.

    PostgreSQL works in a process of its own, so elapsed time takes the place of processor time.
    """
    budget = work_budget.current()
    writes = connection.get_execution_options().get("lab_writes", False)
    if budget is None or budget.seconds == inf or writes:
        return
    milliseconds = max(1, round(1000 * budget.seconds))
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds}")


def as_exhausted(context: ExceptionContext) -> LabError | None:
    """Return the error of a statement that the budget has ended, None for other errors."""
    budget, cause = work_budget.current(), context.original_exception
    if budget is None:
        return None
    if getattr(cause, "sqlstate", None) == SQLSTATE_CANCELLED:
        return TooExpensive(budget.sentence())
    if getattr(cause, "sqlite_errorname", None) != "SQLITE_INTERRUPT":
        return None
    try:
        budget.check()
    except LabError as error:
        return error
    return None

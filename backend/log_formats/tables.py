"""From a table to histories: one for each run that it holds, never a curve of several runs."""

from collections.abc import Iterable, Mapping

from backend.log_formats.columns import Table, table_of
from backend.log_formats.history import History
from backend.log_formats.long_tables import pivoted
from backend.log_formats.parts import parts_named
from backend.log_formats.placing import history_of
from backend.log_formats.runs_in_rows import split_by_rows
from backend.log_formats.wide_tables import split_by_columns


def histories_of_table(table: Table, name: str | None = None) -> list[History]:
    """Return the histories of a table. Raises Unreadable if each of its rows is a run."""
    found = []
    for column_run, columns in split_by_columns(table):
        for row_run, rows in split_by_rows(parts_named(pivoted(columns))):
            own = "/".join(part for part in (name, column_run, row_run) if part) or None
            if history := history_of(rows, own):
                found.append(history)
    return found


def histories_of_rows(
    rows: Iterable[Mapping[str, object]], name: str | None = None
) -> list[History]:
    """Return the histories of records. Raises Unreadable if each of them is a run."""
    return histories_of_table(table_of(rows), name)


def from_rows(rows: Iterable[Mapping[str, object]], name: str | None = None) -> History | None:
    """Return the history of the records of one run, each a mapping from names to values.

    Return None without numbers.
    """
    return history_of(parts_named(table_of(rows)), name)

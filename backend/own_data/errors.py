"""The one sentence that refuses a table."""

from backend.errors import InvalidInput


class RefusedTable(InvalidInput):
    """A file or a choice that makes no table to learn from."""


def row_and_column(row: int, column: str) -> str:
    """Name a cell. Rows count from 1 below the header, as in a data frame plus one."""
    return f'row {row:,}, column "{column}"'

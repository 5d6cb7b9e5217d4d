"""The names of the columns of a table."""

from collections.abc import Sequence

from backend.own_data.errors import RefusedTable
from backend.own_data.limits import MAX_COLUMN_CHARACTERS, MAX_COLUMNS


def checked_names(written: Sequence[str]) -> tuple[str, ...]:
    """Return the names of columns; one without a name gets its number. Raises RefusedTable."""
    if len(written) > MAX_COLUMNS:
        count = len(written)
        raise RefusedTable(f"The file has {count:,} columns; accepted: at most {MAX_COLUMNS:,}.")
    names: dict[str, int] = {}
    for number, text in enumerate(written, 1):
        name = " ".join(text.split()) or f"column_{number}"
        if len(name) > MAX_COLUMN_CHARACTERS or not name.isprintable():
            raise RefusedTable(
                f"The name of column {number} has {len(name)} characters or unprintable ones; "
                f"accepted: at most {MAX_COLUMN_CHARACTERS} printable characters."
            )
        if name in names:
            raise RefusedTable(
                f'Column {number} has the same name as column {names[name]}, "{name}"; accepted: '
                "a name of its own."
            )
        names[name] = number
    return tuple(names)

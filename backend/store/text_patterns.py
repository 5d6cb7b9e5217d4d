"""Comparison of a column with a pattern of % and _, with and without regard to case."""

from typing import Any

from sqlalchemy import ColumnElement

_GLOB = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}


def matches(
    dialect: str, column: ColumnElement[Any], pattern: str, *, exact: bool
) -> ColumnElement[bool]:
    """Match the wildcards % and _, without an escape character.

    SQLite's LIKE ignores case; an exact match there uses GLOB.
    """
    if dialect != "sqlite":
        return (column.like if exact else column.ilike)(pattern, escape="")
    if exact:
        return column.bool_op("GLOB")("".join(_GLOB.get(char, char) for char in pattern))
    return column.like(pattern)

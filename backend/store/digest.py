"""What tells whether a table's rows are still the same: their number and a SHA-256."""

import sqlite3
from hashlib import sha256
from struct import pack
from typing import Any, NamedTuple


class Digest(NamedTuple):
    """The rows of one table of a SQLite file, in the order of their primary keys."""

    rows: int
    sha256: str

    @classmethod
    def of(cls, connection: sqlite3.Connection, table: str) -> "Digest":
        """Read a table from end to end."""
        described = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
        names = ", ".join(f'"{name}"' for _, name, *_ in described)
        keys = [name for _, name, _, _, _, place in sorted(described, key=_place) if place]
        order = ", ".join(f'"{name}"' for name in keys)
        hashed, rows = sha256(names.encode()), 0
        for row in connection.execute(f'SELECT {names} FROM "{table}" ORDER BY {order}'):  # noqa: S608 - our own tables
            rows += 1
            for value in row:
                hashed.update(_bytes(value))
        return cls(rows, hashed.hexdigest())


def _place(described: tuple[Any, ...]) -> int:
    return int(described[5])


def _bytes(value: int | float | str | bytes | None) -> bytes:
    """Write a value so that no two different ones, nor two rows of them, are written alike."""
    match value:
        case None:
            return b"n"
        case int():
            return b"i%d;" % value
        case float():
            return b"f" + pack("<d", value)
        case str():
            value = value.encode()
            return b"s%d;" % len(value) + value
        case _:
            return b"b%d;" % len(value) + value

"""The database: every SQL statement of the project lives in this package.

Functions take an open session and never commit: the edge that opened it does.
"""

from backend.store.connections import AWAY, is_out_of_room, reason, takes_no_writes
from backend.store.engine import Database

__all__ = ["AWAY", "Database", "is_out_of_room", "reason", "takes_no_writes"]

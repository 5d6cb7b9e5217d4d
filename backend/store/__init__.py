"""The database: every SQL statement of the project is in this package.

Functions take an open session and never commit. The code that opened the session commits.
"""

from backend.store.connections import UNREACHABLE, is_disk_full, is_read_only, reason
from backend.store.engine import Database
from backend.store.losses import DAMAGED, loss

__all__ = ["DAMAGED", "UNREACHABLE", "Database", "is_disk_full", "is_read_only", "loss", "reason"]

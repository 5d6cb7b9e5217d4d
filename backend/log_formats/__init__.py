"""Training histories that other programs wrote: readers, and the search for their losses."""

from backend.log_formats.history import History
from backend.log_formats.loss_pairs import find_losses
from backend.log_formats.read import read_log

__all__ = ["History", "find_losses", "read_log"]

"""Training histories that other programs wrote: readers, and the search for their losses."""

from backend.log_formats.history import History
from backend.log_formats.loss_pairs import LossPair, find_losses
from backend.log_formats.read import read_log

__all__ = ["History", "LossPair", "find_losses", "read_log"]

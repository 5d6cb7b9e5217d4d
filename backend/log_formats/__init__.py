"""Training histories that other programs wrote: read, and train and validation loss found."""

from backend.log_formats.history import History
from backend.log_formats.pairs import Paired, paired
from backend.log_formats.read import read_log

__all__ = ["History", "Paired", "paired", "read_log"]

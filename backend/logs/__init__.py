"""Training histories that other programs wrote: read, and train and validation loss found."""

from backend.logs.history import History
from backend.logs.pairs import Paired, paired
from backend.logs.read import read_log

__all__ = ["History", "Paired", "paired", "read_log"]

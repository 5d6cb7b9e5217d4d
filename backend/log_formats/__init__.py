"""Training histories that other programs wrote: readers, and the search for their losses.

`read_log` reads a path, `read_logs` files that came together, in memory or on disk. Both return
histories with all their series. `find_losses` pairs the losses of a history, and `loss_choices`
returns the pairs that a person can choose from.
"""

from backend.log_formats.history import History, Unreadable
from backend.log_formats.log_file import LogFile
from backend.log_formats.loss_pairs import find_losses, has_losses, loss_choices
from backend.log_formats.read import LogReading, read_log, read_logs

__all__ = [
    "History", "LogFile", "LogReading", "Unreadable", "find_losses", "has_losses",
    "loss_choices", "read_log", "read_logs",
]  # fmt: skip

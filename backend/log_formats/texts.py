"""Pieces of text inside other files, such as the output of a notebook's cell."""

from backend.log_formats import blank_separated, delimited, printed, python_literals
from backend.log_formats.history import History, Unreadable
from backend.log_formats.log_file import LogFile
from backend.log_formats.loss_pairs import has_losses

FORMATS = (python_literals.FORMAT, delimited.FORMAT, blank_separated.FORMAT, printed.FORMAT)


def histories_of_text(text: str) -> list[History]:
    """Return the histories of a text in the first of the text formats that finds losses in it."""
    if not text.strip():
        return []
    file = LogFile("output", text.encode("utf-8", "replace"))
    found: list[History] = []
    for log_format in FORMATS:
        if not log_format.sniff(file):
            continue
        try:
            histories = log_format.read(file)
        except Unreadable:
            continue
        if any(map(has_losses, histories)):
            return histories
        found = found or histories
    return found

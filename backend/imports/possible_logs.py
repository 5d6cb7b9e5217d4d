"""The files of a folder that may be logs, told by their names: the others are not uploaded."""

from backend.log_formats.read import NOT_LOGS


def may_be_log(name: str) -> bool:
    """Return whether a file below a folder, by its relative path, may be a log."""
    hidden = any(part.startswith(".") for part in name.split("/"))
    return not hidden and not name.lower().endswith(tuple(NOT_LOGS))

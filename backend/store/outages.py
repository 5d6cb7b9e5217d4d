"""What is said of a database that cannot be used for now."""


def reason(error: Exception) -> str:
    """Return in one line what the database's driver said, without the statement and a traceback."""
    return " ".join(str(getattr(error, "orig", None) or error).split())

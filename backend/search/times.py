"""Times as a filter writes them: a date, a date with a time, or how long ago."""

import re
from datetime import UTC, datetime

ACCEPTED = "a time, such as 2026-11-23, 2026-11-23T14:30 (UTC) or -7d (h, d or w ago)"
_AGO = re.compile(r"-(\d{1,6})([hdw])")
_MS = {"h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}


def milliseconds(text: str, *, now: int) -> int:
    """Return a time in milliseconds since 1970, given that of now. Raises ValueError."""
    ago = _AGO.fullmatch(text)
    if ago:
        return now - int(ago[1]) * _MS[ago[2]]
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return int(found.timestamp() * 1000)

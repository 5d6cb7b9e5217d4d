"""Errors in a filter or an order, with their position, the text there, and accepted values."""

from collections.abc import Iterable
from difflib import get_close_matches

from backend.errors import InvalidInput

MAX_LISTED_NAMES = 8
MAX_QUOTED_LENGTH = 40


class FilterError(InvalidInput):
    """A filter is invalid. `position` counts characters from 1."""

    def __init__(self, position: int, detail: str, *, field: str = "filter") -> None:
        super().__init__(f"At position {position} of the {field}: {detail}", field)
        self.position = position


def quoted(text: str) -> str:
    """Return a piece of the filter in quotation marks, shortened."""
    short = text if len(text) <= MAX_QUOTED_LENGTH else f"{text[: MAX_QUOTED_LENGTH - 3]}..."
    return f"\N{LEFT DOUBLE QUOTATION MARK}{short}\N{RIGHT DOUBLE QUOTATION MARK}"


def suggestion(written: str, accepted: Iterable[str]) -> str:
    """Return the closest accepted name, or the accepted names, as the end of a sentence."""
    names = list(accepted)
    lower = {name.lower(): name for name in names}
    close = get_close_matches(written.lower(), lower, n=1, cutoff=0.6)
    if not close:
        close = [name for name in lower if name.endswith(f".{written.lower()}")][:1]
    if close:
        return f"did you mean {quoted(lower[close[0]])}?"
    listed = ", ".join(names[:MAX_LISTED_NAMES])
    return f"accepted: {listed}{', ...' if len(names) > MAX_LISTED_NAMES else ''}."

"""What is wrong with a filter or an order: where, what was found, what would be accepted."""

from collections.abc import Iterable
from difflib import get_close_matches

from backend.errors import InvalidInput

MOST_NAMES = 8
LONGEST = 40


class FilterError(InvalidInput):
    """A filter cannot be read. `position` counts letters from 1."""

    def __init__(self, position: int, detail: str, *, field: str = "filter") -> None:
        super().__init__(f"At position {position} of the {field}: {detail}", field)
        self.position = position


def quoted(text: str) -> str:
    """Write a piece of the filter, shortened."""
    short = text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
    return f"\N{LEFT DOUBLE QUOTATION MARK}{short}\N{RIGHT DOUBLE QUOTATION MARK}"


def suggestion(found: str, accepted: Iterable[str]) -> str:
    """Return what may have been meant, else what would be accepted, as the end of a sentence."""
    names = list(accepted)
    lower = {name.lower(): name for name in names}
    close = get_close_matches(found.lower(), lower, n=1, cutoff=0.6)
    if not close:
        close = [name for name in lower if name.endswith(f".{found.lower()}")][:1]
    if close:
        return f"did you mean {quoted(lower[close[0]])}?"
    listed = ", ".join(names[:MOST_NAMES])
    return f"accepted: {listed}{', ...' if len(names) > MOST_NAMES else ''}."

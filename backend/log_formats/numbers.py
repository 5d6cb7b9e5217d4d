"""Numbers as logs write them."""

import math
import re

MAX_STEP = 1 << 53  # beyond, floats cannot represent every whole number
BLANKS = frozenset(("", "none", "null", "na", "<na>", "_", "no log"))
"""Texts of cells without a value: of Python, pandas, flair and transformers."""
_IN_WORDS = re.compile(
    r"(?:tensor|np\.\w+|array)\(\s*([-+.\deE]+|nan|inf)[^()]*\)|([-+.\deE]+)\s*%"
)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(e[+-]?\d+)?", re.IGNORECASE)


def parse_number(value: object) -> float | None:
    """Return a value as a number, NaN included; None if it is blank or not a number.

    `tensor(0.5)`, `np.float64(0.5)` and `95.2%` are numbers.
    """
    if isinstance(value, float):
        return value
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return _in_words(value) if isinstance(value, str) else None


def _in_words(text: str) -> float | None:
    if len(text) > 80 or text[-1:] not in (")", "%"):
        return None
    match = _IN_WORDS.fullmatch(text.strip())
    try:
        return float(match[1] or match[2]) if match else None
    except ValueError:
        return None


def with_point(cell: str) -> str:
    """Return a number that is written with a decimal comma with a decimal point."""
    return cell.replace(",", ".") if "," in cell and _DECIMAL_COMMA.fullmatch(cell) else cell


def is_blank(text: str) -> bool:
    """Return whether the text of a cell stands for a missing value."""
    return text.strip().lower() in BLANKS


def is_whole_step(value: float) -> bool:
    """Return whether a number can be an epoch or a step: whole, and small enough to be exact."""
    return math.isfinite(value) and value == int(value) and abs(value) < MAX_STEP

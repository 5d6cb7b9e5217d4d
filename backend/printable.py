"""Text made safe to print: no control or bidirectional characters reach a terminal or a header.

Such characters could move the cursor, hide or reorder text, or write the terminal's title.
"""

import re

_UNPRINTABLE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # control characters
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # order of writing
    "\u2028\u2029"  # ends of lines and paragraphs
    "\ud800-\udfff"  # halves of characters, which no encoding can print
    "\ufff9-\ufffb\U000e0000-\U000e007f"  # invisible annotations and tags
    "]"
)


def printable(text: str) -> str:
    """Return text in which each character that is unsafe to print is written as its escape."""
    return _UNPRINTABLE.sub(_escape, text)


def printable_lines(text: str) -> str:
    """Return text as `printable` does, but keep its ends of lines."""
    return "\n".join(map(printable, text.split("\n")))


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()

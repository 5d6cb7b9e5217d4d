"""Output of the commands: whatever a name or a server's response contains, no control or
bidirectional character of it reaches the terminal. Only this module prints.
"""

import os
import sys
from dataclasses import dataclass

from backend.printable import printable, printable_lines


@dataclass(frozen=True)
class Styled:
    """A part of a line in an ANSI style, such as 1 for bold."""

    text: str
    style: int


def say(*parts: str | Styled, end: str = "\n") -> None:
    """Print and flush the parts of one or more lines."""
    print("".join(map(_rendered, parts)), end=end, flush=True)


def complain(sentence: str) -> None:
    """Print a sentence on standard error."""
    print(printable_lines(sentence), file=sys.stderr, flush=True)


def say_progress(line: str, *, last: bool) -> None:
    """Print progress: replace the previous line on a terminal, else print a new line."""
    if sys.stdout.isatty():
        print(f"\r\033[K{printable(line)}", end="\n" if last else "", flush=True)
    else:
        say(line)


def _rendered(part: str | Styled) -> str:
    """Return the text to print for a part, with its style if the terminal shows it."""
    if isinstance(part, str):
        return printable_lines(part)
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    text = printable(part.text)
    return text if plain or not sys.stdout.isatty() else f"\033[{part.style}m{text}\033[0m"

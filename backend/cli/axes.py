"""Axes among the options of `lab sweep`: every option that is not one of its own.

Standard library only, like `backend.cli.arguments`.
"""

import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import NoReturn

SIMILAR = 0.85  # a slip of one letter in a short word
SEEDS = "--seed"  # an axis of its own, although it is similar to --seeds
_NUMBER = re.compile(r"-[\d.]")

Complain = Callable[[str], NoReturn]
"""Prints a message and exits with 2."""


def take_axes(
    words: Sequence[str], flags: Sequence[str], complain: Complain
) -> tuple[list[str], dict[str, str]]:
    """Return the words without the axes, and the axes: ``{"n-train": "100,1000"}``."""
    rest: list[str] = []
    axes: dict[str, str] = {}
    remaining = list(words)
    while remaining:
        word = remaining.pop(0)
        flag, joined, value = word.partition("=")
        if not word.startswith("--") or flag in flags:
            rest.append(word)
            continue
        _check(flag, flags, complain)
        if not joined:
            if not remaining or _is_option(remaining[0]):
                complain(f"{flag} has no values; accepted: one or more, such as {flag} 8,32.")
            value = remaining.pop(0)
        if flag in axes:
            complain(f"{flag} is given twice; accepted: once, with all values.")
        axes[flag] = value
    return rest, {flag.removeprefix("--"): value for flag, value in axes.items()}


def _is_option(word: str) -> bool:
    return word.startswith("-") and not _NUMBER.match(word)


def _check(flag: str, flags: Sequence[str], complain: Complain) -> None:
    similar = get_close_matches(flag, flags, 1, SIMILAR)
    if similar and flag != SEEDS:
        name = flag.removeprefix("--")
        complain(
            f"{flag} is not an option; did you mean {similar[0]}? For an axis of this name write "
            f"--axis {name}=V1,V2."
        )

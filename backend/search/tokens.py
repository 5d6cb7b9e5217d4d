"""Tokens of a filter, and errors with their position and the accepted values."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal
from unicodedata import category

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


TokenKind = Literal["word", "text", "sign", "end"]

MAX_LENGTH = 4000
MAX_NUMBER_LENGTH = 400  # converting a number takes time that grows with its square
_LONG_NUMBER = re.compile(rf"[-+.0-9eE_]{{{MAX_NUMBER_LENGTH + 1},}}")
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<sign><=|>=|!=|[=<>(),])
      | (?P<word>(?:[^\s<>=!(),"'`]|(?<=\.)"(?:[^"\\]|\\.)*")+)
      | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    """A piece of the filter: `text` without quotes, `at` counted from 1."""

    kind: TokenKind
    text: str
    at: int

    def is_keyword(self, *words: str) -> bool:
        """Return whether this token is one of some keywords, in any case."""
        return self.kind == "word" and self.text.lower() in words


def tokenise(text: str) -> list[Token]:
    """Return the tokens of a filter, the last of kind "end". Raises FilterError."""
    if len(text) > MAX_LENGTH:
        detail = f"the filter is too long; accepted: {MAX_LENGTH:,} characters."
        raise FilterError(MAX_LENGTH, detail)
    for position, char in enumerate(text):
        if category(char) in ("Cc", "Cs") and char not in "\t\r\n":
            raise FilterError(position + 1, f"a filter must not contain the character {char!r}.")
    tokens, position = [], 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unreadable(text, position)
        kind = match.lastgroup
        piece = match.group(kind or 0)
        at = match.start(kind or 0) + 1
        if kind == "text":
            piece = unescaped(piece[1:-1])
        if kind == "word" and _LONG_NUMBER.fullmatch(piece):
            detail = f"a number has {len(piece):,} characters; accepted: {MAX_NUMBER_LENGTH}."
            raise FilterError(at, detail)
        tokens.append(Token(kind, piece, at))  # type: ignore[arg-type]
        position = match.end()
    return [*tokens, Token("end", "", end + 1)]


def unescaped(text: str) -> str:
    r"""Return a quoted text without its escapes: \" becomes ", \\ becomes \."""
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def escaped(text: str) -> str:
    """Return a text in double quotes."""
    return '"' + re.sub(r'([\\"])', r"\\\1", text) + '"'


def _unreadable(text: str, position: int) -> FilterError:
    at = position + len(text[position:]) - len(text[position:].lstrip())
    sign = text[at]
    if sign in "\"'":
        return FilterError(at + 1, f"the quotation that begins with {sign} has no end.")
    if sign == "!":
        return FilterError(at + 1, "! was found; accepted: != or not.")
    return FilterError(at + 1, f"{quoted(sign)} is not understood; put text in double quotes.")

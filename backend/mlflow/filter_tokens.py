"""Tokens of a search text: identifiers with dots, numbers, quoted text, operators."""

import re
from dataclasses import dataclass
from typing import Literal

from backend.mlflow.errors import InvalidParameter

MAX_FILTER_CHARACTERS = 20_000
SHOWN_CHARACTERS = 60

Kind = Literal["identifier", "number", "text", "operator", "sign", "end"]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?(?![\w.]))
      | (?P<operator><=|>=|!=|=|<|>)
      | (?P<sign>[(),])
      | (?P<identifier>(?:[^\W\d]\w*|`[^`]*`)(?:\.(?:\w+|`[^`]*`|"[^"]*"))*)
      | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    """A piece of a search text, with its quotes."""

    kind: Kind
    text: str

    def is_word(self, *words: str) -> bool:
        """Return whether this token is one of some keywords, in any case."""
        return self.kind == "identifier" and self.text.upper() in words


END = Token("end", "")


def tokenise(text: str) -> list[Token]:
    """Return the tokens of a text, the last of kind "end". Raises InvalidParameter."""
    if len(text) > MAX_FILTER_CHARACTERS:
        raise InvalidParameter(
            f"The text has {len(text):,} characters; accepted: up to {MAX_FILTER_CHARACTERS:,}."
        )
    tokens: list[Token] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise InvalidParameter(f"{shown(text[position:])} could not be read.")
        tokens.append(Token(match.lastgroup, match[match.lastgroup or 0]))  # type: ignore[arg-type]
        position = match.end()
    return [*tokens, END]


def unquoted(text: str) -> str:
    """Return a name or text without the quotes or backticks around it."""
    if len(text) >= 2 and text[0] in "'\"`" and text[-1] == text[0]:
        return text[1:-1]
    return text


def shown(text: str) -> str:
    """Return a piece of a search text for an error, shortened."""
    text = text.strip()
    return ascii(text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}...")

"""Estimated strength of a token that a person chose."""

import math
import re

ACCEPTED = re.compile(r"[A-Za-z0-9._~+/=-]{16,512}")  # what a header can carry
MIN_BITS = 128  # out of reach of guessing, also offline: tokens are stored as plain SHA-256
MIN_DIFFERENT_CHARACTERS = 8  # a random token of 128 bits has fewer in 1 of 10 million cases

# Smallest first. A token is taken for a random one of the first alphabet that contains it.
_ALPHABETS = [
    (re.compile(r"[0-9]*"), 10),
    (re.compile(r"[0-9a-f]*|[0-9A-F]*"), 16),
    (re.compile(r"[a-z]*|[A-Z]*"), 26),
    (re.compile(r"[a-z0-9]*|[A-Z0-9]*"), 36),
    (re.compile(r"[A-Za-z0-9]*"), 62),
]
_SEQUENCES = (
    "abcdefghijklmnopqrstuvwxyz", "0123456789", "1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm",
)  # fmt: skip
_BOTH_WAYS = (*_SEQUENCES, *(row[::-1] for row in _SEQUENCES))
_STRIDES = (1, 2)  # abc, and a1b2c3
_REPEATED = 4  # characters that occur earlier are a repetition
# Random tokens have some such characters too: fewer than a quarter in all but 1 of 10,000 tokens
# of 39 digits, which have most.
_FORGIVEN = 0.25
_EVERYTHING = 68  # letters, digits and the other characters that a header can carry


def token_problem(token: str) -> str | None:
    """Return why a token that a person chose is refused, None if it is accepted."""
    if not ACCEPTED.fullmatch(token):
        return "accepted: 16 to 512 characters out of letters, digits and -._~+/="
    if estimated_bits(token) < MIN_BITS:
        return (
            f"easy to guess; accepted: a random token of {MIN_BITS} bits, such as from "
            "`openssl rand -hex 32`"
        )
    return None


def estimated_bits(token: str) -> float:
    """Return the bits of a random token of the same length and alphabet.

    Characters that continue a sequence or a repetition do not count, if they are many. A token that
    is repeated as a whole counts once, and one of few different characters not at all.
    """
    if len(set(token)) < MIN_DIFFERENT_CHARACTERS:
        return 0.0
    size = next((size for pattern, size in _ALPHABETS if pattern.fullmatch(token)), _EVERYTHING)
    predictable = sum(_is_predictable(token, place) for place in range(len(token)))
    counted = (len(token) - predictable) / (1 - _FORGIVEN)
    period = (token + token).find(token, 1)
    return min(period, counted) * math.log2(size)


def _is_predictable(token: str, place: int) -> bool:
    """Return whether a character continues a sequence or a repetition."""
    block = token[max(0, place - _REPEATED + 1) : place + 1]
    if len(block) == _REPEATED and token.find(block) + _REPEATED <= place:
        return True
    return any(
        _is_sequence(token[place - 2 * stride : place + 1 : stride].lower())
        for stride in _STRIDES
        if place >= 2 * stride
    )


def _is_sequence(three: str) -> bool:
    """Return whether three characters are neighbours in a sequence, or the same."""
    return len(set(three)) == 1 or any(three in row for row in _BOTH_WAYS)

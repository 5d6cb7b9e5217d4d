"""Estimated strength of a token that a person chose."""

import math
import re

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
_EVERYTHING = 68  # letters, digits and the other characters that a header can carry


def estimated_bits(token: str) -> float:
    """Return the bits of a random token of the same length and alphabet.

    A repeated token counts once, and one of few different characters not at all.
    """
    if len(set(token)) < MIN_DIFFERENT_CHARACTERS:
        return 0.0
    period = (token + token).find(token, 1)
    size = next((size for pattern, size in _ALPHABETS if pattern.fullmatch(token)), _EVERYTHING)
    return period * math.log2(size)

"""Estimated strength of tokens."""

import secrets
import string
import uuid

import pytest

from backend.access.token_strength import MIN_BITS, estimated_bits

WEAK = [
    "aaaaaaaaaaaaaaaa",
    "a" * 500,
    "01010101010101010101010101010101010101010101",
    "0123456789" * 40,  # a repeated token counts once
    "correct-horse-battery",
    "12345678901234567890",
    "Password-1234567890",
    "deadbeef" * 8,
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "zyxwvutsrqponmlkjihgfedcba9876543210",
    "qwertyuiopasdfghjklzxcvbnm1234567890",
    "aabbccddeeffgghhiijjkkllmmnnooppqqrrss",
    "a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6",
    "MySecretMySecretMySecret1MySecret",
    "".join(8 * letter for letter in "abcdefgh"),
]


@pytest.mark.parametrize("token", WEAK)
def test_guessable_tokens_are_weak(token: str) -> None:
    assert estimated_bits(token) < MIN_BITS


@pytest.mark.parametrize(
    "make",
    [
        lambda: secrets.token_hex(16),
        lambda: secrets.token_urlsafe(32),
        lambda: uuid.uuid4().hex,
        lambda: "".join(secrets.choice(string.ascii_lowercase) for _ in range(28)),
        lambda: "".join(secrets.choice(string.digits) for _ in range(40)),
    ],
)
def test_random_tokens_are_strong(make: object) -> None:
    assert callable(make)
    assert min(estimated_bits(make()) for _ in range(200)) >= MIN_BITS

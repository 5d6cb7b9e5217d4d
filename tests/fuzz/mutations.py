"""Mutated inputs: valid examples that are cut, repeated, joined and spiked with hostile pieces."""

import random
from collections.abc import Iterator, Sequence

LONGEST = 4096  # bytes of an input

HOSTILE = (
    b"", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\n", b"\r\n", b"\t", b" ",
    b"'", b'"', b"\\", b"\\ud800", b"\\u0000", b"{", b"}", b"[", b"]", b"[[[[[[[[", b"(((((((",
    b",", b":", b"- ", b"0", b"-1", b"1e999", b"-1e-999", b"NaN", b"Infinity", b"null", b"true",
    b"9" * 25, b"9" * 500, b"0x" + b"f" * 40, b"1:2:3", b"2026-12-01", b"&a ", b"*a",
    b"!!python/object:os.system ", b"<<: ", "٣".encode(), "\u202e".encode(), "\u2028".encode(),
    "é".encode() * 9, b"1_000", b"%s", b"../", b"id = 1", b" and ", b" or ", b"not ", b" in (",
    b"!=", b"=~", b"x1^2", b"sin(9999.9999*x1)", b"..",
)  # fmt: skip
"""Pieces that readers of text have stumbled over."""


def mutated(examples: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Yield inputs without end: each is an example after one to eight random changes."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    pieces = [*HOSTILE, *(word for example in examples for word in example.split())]
    while True:
        data = chance.choice(examples)
        for _ in range(min(8, int(chance.expovariate(0.5)) + 1)):
            data = _changed(data, chance, pieces, examples)[:LONGEST]
        yield data


def _changed(
    data: bytes, chance: random.Random, pieces: Sequence[bytes], examples: Sequence[bytes]
) -> bytes:
    first, second = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    match chance.randrange(6):
        case 0:  # cut a part out
            return data[:first] + data[second:]
        case 1:  # repeat a part
            return data[:second] + data[first:second] * chance.randrange(1, 4) + data[second:]
        case 2:  # change a byte
            return data[:first] + bytes([chance.randrange(256)]) + data[first + 1 :]
        case 3:  # continue as another example
            other = chance.choice(examples)
            return data[:first] + other[chance.randrange(len(other) + 1) :]
        case 4:  # replace a part
            return data[:first] + chance.choice(pieces) + data[second:]
        case _:
            return data[:first] + chance.choice(pieces) + data[first:]

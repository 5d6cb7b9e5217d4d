"""Request bodies are parsed to plain data or refused."""

import json
from collections.abc import Callable

import pytest

from backend.errors import MalformedBody
from backend.specification.parsing import parse_json, parse_yaml


def test_yaml_reads_numbers_in_scientific_notation() -> None:
    assert parse_yaml(b"{a: 1e-3, b: 1.5e+2, c: 0.2, d: 7}") == {
        "a": 0.001,
        "b": 150.0,
        "c": 0.2,
        "d": 7,
    }


def test_yaml_reads_dates_as_text() -> None:
    assert parse_yaml(b"{layers: 1024-12-10, name: 2026-11-24}") == {
        "layers": "1024-12-10",
        "name": "2026-11-24",
    }


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"a": NaN}', "NaN"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b"{", "not valid JSON"),
        (b"", "not valid JSON"),
        (b"\xff\xfe\xfd", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"1" * 5000, "not valid JSON"),
        (rb'{"a": ["\ud800"]}', "half a character"),
        (b"[" * 33 + b"]" * 33, "accepted: 32 lists or objects"),
        (b"1" * 401, "401 digits, accepted: at most 400"),
    ],
)
def test_malformed_json_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(MalformedBody, match=words):
        parse_json(body)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"a: [1, 2", "not valid YAML"),
        (b"a: 1\na: 2", "twice"),
        (b"a: &x [1]\nb: *x", "aliases"),
        (b"a: !!bool maybe", "tags"),
        (b"a: !!int ''", "tags"),
        (b"!!python/object/apply:os.system ['true']", "not valid YAML"),
        (b"a: 1\n--- \nb: 2", "not valid YAML"),
        (b"\xff\xfe\xfd", "not valid YAML"),
        (b"? [1, 2]\n: 3", "not valid YAML"),
        (rb'"\ud800": 1', "half a character"),
        (b"[" * 20_000, "not valid YAML"),
        (b"[" * 33 + b"]" * 33, "accepted: 32 lists or objects"),
        (b"a: 0x" + b"f" * 5000, "5,002 digits, accepted: at most 400"),
        (b"a: 0b1" + b"0" * 20_000, "accepted: at most 400"),
        (b"a: 1" + b":10" * 3000, "accepted: at most 400"),
        (b"a: 1" + b":1" * 195 + b".5", "too large"),
        (b"a: 1" + b":10" * 3000 + b".5", "accepted: at most 400"),
    ],
)
def test_malformed_yaml_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(MalformedBody, match=words):
        parse_yaml(body)


@pytest.mark.parametrize("parse", [parse_json, parse_yaml])
@pytest.mark.parametrize("body", [b"[" * 32 + b"]" * 32, b"9" * 400])
def test_bodies_at_the_limits_are_parsed(parse: Callable[[bytes], object], body: bytes) -> None:
    assert json.dumps(parse(body)).encode() == body

"""Request bodies are parsed to plain data or refused."""

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
    ],
)
def test_malformed_yaml_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(MalformedBody, match=words):
        parse_yaml(body)

"""A body in JSON or YAML becomes plain data, or one clear error."""

import json
import re
from collections.abc import Hashable
from typing import Any, NoReturn

import yaml

from backend.errors import MalformedBody, TooLarge

MAX_YAML_BYTES = 1 << 16  # PyYAML takes a second for that many


def parse_json(body: bytes) -> Any:
    """Parse JSON, refusing NaN, infinities and repeated keys. Raises MalformedBody."""
    try:
        data = json.loads(
            body, parse_constant=_refuse_constant, object_pairs_hook=_refuse_repeated_keys
        )
        _refuse_half_characters(data)
    except (ValueError, RecursionError) as error:
        raise MalformedBody(f"The body is not valid JSON: {_first_line(error)}.") from error
    return data


def parse_yaml(body: bytes) -> Any:
    """Parse YAML without tags, aliases or repeated keys. Raises MalformedBody and TooLarge."""
    if len(body) > MAX_YAML_BYTES:
        raise TooLarge(f"The YAML is too large; accepted: at most {MAX_YAML_BYTES:,} bytes.")
    try:
        data = yaml.load(body, Loader=_Loader)  # noqa: S506 - a SafeLoader, below
        _refuse_half_characters(data)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise MalformedBody(f"The body is not valid YAML: {_first_line(error)}.") from error
    return data


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads 1e-3 as a number and refuses aliases, tags and repeated keys."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise ValueError("aliases (*name) are not accepted")
        if getattr(self.peek_event(), "tag", None):  # type: ignore[no-untyped-call]
            raise ValueError("tags (!name) are not accepted")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        given = len(node.value)
        result = super().construct_mapping(node, deep)
        if len(result) < given:
            raise ValueError("a key is given twice")
        return result


_Loader.yaml_implicit_resolvers = {  # no dates: 2024-12-10 may be layers, or a name
    first: [(tag, pattern) for tag, pattern in known if not tag.endswith(":timestamp")]
    for first, known in _Loader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(  # YAML 1.2 floats: PyYAML reads 1e-3 as text
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)  # fmt: skip


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number that can be used")


def _refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key is given twice")
    return result


def _refuse_half_characters(data: Any) -> None:
    """Refuse text that UTF-8 cannot carry: lone surrogates, written as escapes."""
    if isinstance(data, str) and any("\ud800" <= letter <= "\udfff" for letter in data):
        raise ValueError("it holds half a character (a lone surrogate)")
    if isinstance(data, dict):
        _refuse_half_characters([*data, *data.values()])
    if isinstance(data, list):
        for item in data:
            _refuse_half_characters(item)


def _first_line(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem:
        mark = error.problem_mark
        return error.problem + (f" in line {mark.line + 1}" if mark else "")
    return str(error).splitlines()[0].rstrip(".")

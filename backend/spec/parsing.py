"""A body in JSON or YAML becomes plain data, or one clear error."""

import json
import re
from collections.abc import Hashable
from typing import Any, NoReturn

import yaml

from backend.errors import MalformedBody


def parse_json(body: bytes) -> Any:
    """Parse JSON, refusing NaN, infinities and repeated keys. Raises MalformedBody."""
    try:
        return json.loads(
            body, parse_constant=_refuse_constant, object_pairs_hook=_refuse_repeated_keys
        )
    except (ValueError, RecursionError) as error:
        raise MalformedBody(f"The body is not valid JSON: {_first_line(error)}.") from error


def parse_yaml(body: bytes) -> Any:
    """Parse YAML without tags, aliases or repeated keys. Raises MalformedBody."""
    try:
        return yaml.load(body, Loader=_Loader)  # noqa: S506 - a SafeLoader, below
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise MalformedBody(f"The body is not valid YAML: {_first_line(error)}.") from error


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads 1e-3 as a number and refuses aliases and repeated keys."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise ValueError("aliases (*name) are not accepted")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise ValueError(f"the key {key!r} is given twice")
        return super().construct_mapping(node, deep)


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


def _first_line(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem:
        mark = error.problem_mark
        return error.problem + (f" in line {mark.line + 1}" if mark else "")
    return str(error).splitlines()[0].rstrip(".")

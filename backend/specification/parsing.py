"""Parsing of specifications: JSON or YAML to plain data, and its fields one by one."""

import json
import re
import unicodedata
from collections.abc import Collection, Hashable, Mapping
from typing import Any, NoReturn

import yaml

from backend.errors import FieldError, MalformedBody, TooLarge
from backend.specification.hyperparameters import show

MAX_YAML_BYTES = 1 << 16  # PyYAML takes a second to parse as much


def parse_json(body: bytes) -> object:
    """Parse JSON, refusing NaN, infinities and repeated keys. Raises MalformedBody."""
    try:
        data: object = json.loads(
            body, parse_constant=_refuse_constant, object_pairs_hook=_refuse_repeated_keys
        )
        _refuse_lone_surrogates(data)
    except (ValueError, RecursionError) as error:
        raise MalformedBody(f"The body is not valid JSON: {_first_line(error)}.") from error
    return data


def parse_yaml(body: bytes) -> object:
    """Parse YAML without tags, aliases or repeated keys. Raises MalformedBody and TooLarge."""
    if len(body) > MAX_YAML_BYTES:
        raise TooLarge(f"The YAML is too large; accepted: at most {MAX_YAML_BYTES:,} bytes.")
    try:
        data: object = yaml.load(body, Loader=_Loader)  # noqa: S506 - derived from SafeLoader
        _refuse_lone_surrogates(data)
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
        result = super().construct_mapping(node, deep)
        if len(result) < len(node.value):
            raise ValueError("a key is given twice")
        return result


_Loader.yaml_implicit_resolvers = {  # no dates: 2024-12-10 can be a list of layers, or a name
    first: [(tag, pattern) for tag, pattern in known if not tag.endswith(":timestamp")]
    for first, known in _Loader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(  # YAML 1.2 floats: PyYAML reads 1e-3 as text
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)  # fmt: skip


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not an accepted number")


def _refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key is given twice")
    return result


def _refuse_lone_surrogates(data: object) -> None:
    """Refuse text that UTF-8 cannot encode."""
    if isinstance(data, str) and any("\ud800" <= character <= "\udfff" for character in data):
        raise ValueError("the text contains a lone surrogate, which is half a character")
    if isinstance(data, dict):
        _refuse_lone_surrogates([*data, *data.values()])
    if isinstance(data, list):
        for item in data:
            _refuse_lone_surrogates(item)


def _first_line(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem:
        mark = error.problem_mark
        return error.problem + (f" in line {mark.line + 1}" if mark else "")
    return str(error).splitlines()[0].rstrip(".")


def read_mapping(
    path: str | None, value: object, fields: Collection[str], errors: list[FieldError]
) -> Mapping[str, object]:
    """Return `value` if it is a mapping, else an empty one. Append an error per unknown field."""
    if not isinstance(value, Mapping):
        name, accepted = path or "The specification", ", ".join(fields)
        detail = f"{name} is {show(value)}; accepted: fields among {accepted}."
        errors.append(FieldError(path, detail))
        return {}
    for key in value:
        if key not in fields:
            full = f"{path}.{key}" if path else str(key)
            detail = (
                f"{full[:80]} ({show(value[key])}) is not a field of the specification; "
                f"accepted: {', '.join(fields)}."
            )
            errors.append(FieldError(full, detail))
    return value


def read_line(path: str, value: object, longest: int, errors: list[FieldError]) -> str | None:
    """Return a line of 1 to `longest` characters, or None after appending an error."""
    if isinstance(value, str) and not any(unicodedata.category(c) == "Cc" for c in value):
        line = value.strip()
        if 1 <= len(line) <= longest:
            return line
    accepted = f"one line of 1 to {longest} characters"
    errors.append(FieldError(path, f"{path} is {show(value)}; accepted: {accepted}."))
    return None

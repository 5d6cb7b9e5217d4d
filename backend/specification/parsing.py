"""Parsing of specifications: JSON or YAML to plain data, within limits."""

import json
import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import chain, count
from typing import Any, NoReturn

import yaml

from backend.errors import MalformedBody, TooLarge
from backend.limits import Limits


@dataclass(frozen=True)
class ParseLimits:
    """Limits of a body: nesting of lists and objects, digits of a number, bytes of YAML."""

    depth: int = Limits.model_fields["max_depth"].default
    digits: int = Limits.model_fields["max_digits"].default
    yaml_bytes: int = Limits.model_fields["max_yaml_bytes"].default

    @classmethod
    def of(cls, limits: Limits) -> "ParseLimits":
        """Return the limits in the settings."""
        return cls(limits.max_depth, limits.max_digits, limits.max_yaml_bytes)


USUAL_LIMITS = ParseLimits()


def parse_json(body: bytes, limits: ParseLimits = USUAL_LIMITS) -> object:
    """Parse JSON, refusing NaN, infinities and repeated keys. Raises MalformedBody."""
    try:
        data: object = json.loads(
            body,
            parse_int=partial(_whole_number, digits=limits.digits),
            parse_constant=_refuse_constant,
            object_pairs_hook=_refuse_repeated_keys,
        )
        _check_values(data, limits.depth)
    except RecursionError as error:
        raise MalformedBody(f"The body is not valid JSON: {_too_deep(limits.depth)}.") from error
    except ValueError as error:
        raise MalformedBody(f"The body is not valid JSON: {_first_line(error)}.") from error
    return data


def parse_yaml(body: bytes, limits: ParseLimits = USUAL_LIMITS) -> object:
    """Parse YAML without tags, aliases or repeated keys. Raises MalformedBody and TooLarge."""
    if len(body) > limits.yaml_bytes:
        raise TooLarge(
            f"The YAML is too large; accepted: at most {limits.yaml_bytes:,} bytes "
            "(LAB_MAX_YAML_BYTES)."
        )
    try:
        data: object = _Loader(body, limits).get_single_data()
        _check_values(data, limits.depth)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise MalformedBody(f"The body is not valid YAML: {_first_line(error)}.") from error
    return data


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads 1e-3 as a number and refuses aliases, tags and repeated keys.

    It also refuses deep nesting, because PyYAML composes nodes recursively, and long numbers.
    """

    def __init__(self, body: bytes, limits: ParseLimits) -> None:
        super().__init__(body)
        self._limits = limits
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise ValueError("aliases (*name) are not accepted")
        if getattr(self.peek_event(), "tag", None):  # type: ignore[no-untyped-call]
            raise ValueError("tags (!name) are not accepted")
        if self._depth > self._limits.depth:
            raise ValueError(_too_deep(self._limits.depth))
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        result = super().construct_mapping(node, deep)
        if len(result) < len(node.value):
            raise ValueError("a key is given twice")
        return result

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        _check_digits(node.value, self._limits.digits)
        return super().construct_yaml_int(node)

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        _check_digits(node.value, self._limits.digits)
        return super().construct_yaml_float(node)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_yaml_float)
_Loader.yaml_implicit_resolvers = {  # no dates: 2024-12-10 can be a list of layers, or a name
    first: [(tag, pattern) for tag, pattern in known if not tag.endswith(":timestamp")]
    for first, known in _Loader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(  # YAML 1.2 floats: PyYAML reads 1e-3 as text
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)  # fmt: skip


def _whole_number(text: str, *, digits: int) -> int:
    _check_digits(text, digits)
    return int(text)


def _check_digits(text: str, most: int) -> None:
    """Refuse long numbers: converting them takes long, and Python cannot write them."""
    if len(text) > most:
        raise ValueError(f"a number has {len(text):,} digits, accepted: at most {most:,}")


def _too_deep(depth: int) -> str:
    return f"it is nested too deeply, accepted: {depth} lists or objects within each other"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not an accepted number")


def _refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key is given twice")
    return result


def _check_values(data: object, depth: int) -> None:
    """Refuse deep nesting, and text that UTF-8 cannot encode."""
    level = [data]
    for nesting in count():
        for text in level:
            if isinstance(text, str):
                _check_text(text)
        containers = [value for value in level if isinstance(value, dict | list)]
        if not containers:
            return
        if nesting == depth:
            raise ValueError(_too_deep(depth))
        level = list(chain.from_iterable(map(_inner, containers)))


def _inner(container: dict[object, object] | list[object]) -> Iterable[object]:
    """Return the values within a list or an object, and the keys of an object."""
    if isinstance(container, dict):
        return chain(container, container.values())
    return container


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("the text contains a lone surrogate, which is half a character") from None


def _first_line(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem:
        mark = error.problem_mark
        return error.problem + (f" in line {mark.line + 1}" if mark else "")
    return str(error).splitlines()[0].rstrip(".")

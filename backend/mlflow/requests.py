"""Read a request into a class of `bodies`: JSON, JSON in JSON, or a query."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, get_origin, get_type_hints

import msgspec
from starlette.datastructures import Headers, QueryParams

from backend.mlflow.errors import InvalidParameter

Body = TypeVar("Body", bound=msgspec.Struct)
MEDIA_TYPE = "application/json"
SHOWN_CHARACTERS = 80


def read_body(content: bytes, headers: Headers, kind: type[Body]) -> Body:
    """Return the fields of a JSON body; an empty one has none. Raises InvalidParameter."""
    media_type = headers.get("content-type", "").partition(";")[0].strip()
    if media_type != MEDIA_TYPE:
        raise InvalidParameter(
            f"The content type is {media_type[:SHOWN_CHARACTERS] or 'missing'}; accepted: "
            f"{MEDIA_TYPE}."
        )
    try:
        fields: Body = _decoder(kind).decode(content)
    except (msgspec.DecodeError, RecursionError):
        return _convert(_plain(content), kind)  # other JSON that MLflow reads
    return fields


def read_query(query: QueryParams, kind: type[Body]) -> Body:
    """Return the fields of a query; a list is a repeated parameter. Raises InvalidParameter."""
    lists = _lists_of(kind)
    fields: Mapping[str, Any] = {
        name: query.getlist(name) if name in lists else query[name] for name in query
    }
    return _convert(fields, kind)


@cache
def _decoder(kind: type[Body]) -> msgspec.json.Decoder[Body]:
    return msgspec.json.Decoder(kind, strict=False)  # takes "5" where 5 is expected


@cache
def _lists_of(kind: type[msgspec.Struct]) -> frozenset[str]:
    hints = get_type_hints(kind)
    return frozenset(name for name, hint in hints.items() if get_origin(hint) is list)


def _plain(content: bytes) -> object:
    """Parse as Python does, which also takes the words NaN and Infinity as numbers.

    Old clients encode the object twice.
    """
    try:
        value = json.loads(content) if content.strip() else {}
        value = json.loads(value) if isinstance(value, str) else value
        json.dumps(value, ensure_ascii=False).encode()  # refuse halves of characters
    except UnicodeEncodeError:
        raise InvalidParameter("The body contains a lone surrogate, half a character.") from None
    except (ValueError, RecursionError):
        raise InvalidParameter("The body is not JSON; accepted: an object.") from None
    if not isinstance(value, dict) and value is not None:
        raise InvalidParameter(f"The body is a {type(value).__name__}; accepted: an object.")
    return value or {}


def _convert(value: object, kind: type[Body]) -> Body:
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        detail, _, path = str(error).partition(" - at `$.")
        field = f"{path.rstrip('`')}: " if path else ""
        raise InvalidParameter(f"{field}{detail.replace('`', '')}.") from None
    except RecursionError:
        raise InvalidParameter("The body is nested too deeply.") from None

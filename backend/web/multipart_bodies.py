"""Documents of routes that read a multipart form by themselves, in OpenAPI."""

from collections.abc import Mapping

from backend.specification.params import JsonObject

TEXT = {"type": "string"}


def multipart_body(fields: Mapping[str, JsonObject]) -> JsonObject:
    """Return the part of an operation that describes its form: fields by name, `file` required."""
    schema = {"type": "object", "required": ["file"], "properties": dict(fields)}
    content = {"multipart/form-data": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}

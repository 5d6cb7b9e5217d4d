"""Errors in MLflow's envelope: ``{"error_code": ..., "message": one sentence}``.

Clients act on the code: a missing name leads them to create an experiment, and a taken one to read
it again. So each kind of error of this service has its code here.
"""

import json

from starlette.responses import Response

from backend.errors import LabError
from backend.specification.params import JsonObject


class InvalidParameter(LabError):
    """A field is missing or has an unacceptable value."""

    status = 400
    kind = "INVALID_PARAMETER_VALUE"


class BadRequest(LabError):
    """The request lacks what every request of its kind has."""

    status = 400
    kind = "BAD_REQUEST"


class AlreadyExists(LabError):
    """An experiment has the name already."""

    status = 400
    kind = "RESOURCE_ALREADY_EXISTS"


class EndpointNotFound(LabError):
    """There is no such path."""

    status = 404
    kind = "ENDPOINT_NOT_FOUND"


class MethodNotAllowed(LabError):
    """The path does not answer the method."""

    status = 405
    kind = "METHOD_NOT_ALLOWED"


class Unsupported(LabError):
    """The client asks for something optional and has a way to go on without it."""

    status = 501
    kind = "NOT_IMPLEMENTED"


INTERNAL_ERROR = 500
# Statuses that clients retry are only used for what a retry can cure: 429, 500, 502, 503, 504.
_CODES: dict[str, tuple[int, str]] = {
    "invalid": (400, InvalidParameter.kind),
    "invalid_spec": (400, InvalidParameter.kind),
    "malformed": (400, BadRequest.kind),
    "unsupported_media_type": (400, InvalidParameter.kind),
    "conflict": (400, InvalidParameter.kind),
    "not_found": (404, "RESOURCE_DOES_NOT_EXIST"),
    "method_not_allowed": (405, MethodNotAllowed.kind),
    "unauthorized": (401, "UNAUTHENTICATED"),
    "forbidden": (403, "PERMISSION_DENIED"),
    "forbidden_origin": (403, "PERMISSION_DENIED"),
    "too_large": (413, InvalidParameter.kind),
    "too_many_requests": (429, "REQUEST_LIMIT_EXCEEDED"),
    "unavailable": (503, "TEMPORARILY_UNAVAILABLE"),
    "internal": (500, "INTERNAL_ERROR"),
}


def envelope(status: int, body: JsonObject) -> Response:
    """Return an error of this service, ``{"error": kind, "detail": sentence}``, as MLflow's."""
    kind = str(body["error"])
    if kind.isupper():
        code = kind
    elif kind in _CODES:
        status, code = _CODES[kind]
    else:
        code = "INTERNAL_ERROR" if status >= INTERNAL_ERROR else BadRequest.kind
    # json.dumps writes ASCII: the message may contain characters that UTF-8 cannot carry
    content = json.dumps({"error_code": code, "message": body["detail"]})
    return Response(content, status, media_type="application/json")

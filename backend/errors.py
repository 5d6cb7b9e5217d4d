"""Errors that a caller can cause.

    LabError                    500
    ├── InvalidInput            422  a field's value is not acceptable
    │   └── InvalidSpec         422  a specification has one or more such fields
    ├── MalformedBody           400  the body is not JSON or YAML at all
    ├── UnsupportedMediaType    415
    ├── Unauthorized            401
    ├── Forbidden               403
    ├── ForbiddenOrigin         403
    ├── NotFound                404
    ├── Conflict                409
    ├── TooLarge                413
    ├── TooManyRequests         429
    ├── TooExpensive            422  the work for the request exceeds its budget
    ├── ClientLeft              499  the client has left; nobody reads the answer
    └── Unavailable             503

One handler in `backend.web.errors` turns each into
``{"error": kind, "detail": sentence, "field": path or null}``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


class LabError(Exception):
    """An error with an HTTP status, a stable kind and one sentence for a person."""

    status: ClassVar[int] = 500
    kind: ClassVar[str] = "internal"

    def __init__(self, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field


class InvalidInput(LabError):
    """A field's value is not acceptable."""

    status = 422
    kind = "invalid"


@dataclass(frozen=True)
class FieldError:
    """One refused field: its dotted path (None: the whole) and one sentence."""

    field: str | None
    detail: str


class InvalidSpec(InvalidInput):
    """A specification was refused; `errors` holds every refused field, in reading order.

    `settings` may hold the status of every setting, as plain data by dotted path.
    """

    kind = "invalid_spec"

    def __init__(
        self,
        errors: Sequence[FieldError],
        settings: Mapping[str, Mapping[str, object]] | None = None,
    ) -> None:
        super().__init__(errors[0].detail, errors[0].field)
        self.errors = errors
        self.settings = settings


class MalformedBody(LabError):
    """The body could not be parsed."""

    status = 400
    kind = "malformed"


class UnsupportedMediaType(LabError):
    """The body's content type is not one the endpoint reads."""

    status = 415
    kind = "unsupported_media_type"


class Unauthorized(LabError):
    """The token is missing or wrong."""

    status = 401
    kind = "unauthorized"


class Forbidden(LabError):
    """The scope of the token does not include the request."""

    status = 403
    kind = "forbidden"


class ForbiddenOrigin(LabError):
    """A state-changing request came from another site or to an unknown host."""

    status = 403
    kind = "forbidden_origin"


class NotFound(LabError):
    """The requested object does not exist."""

    status = 404
    kind = "not_found"


class Conflict(LabError):
    """The state of the object does not allow this."""

    status = 409
    kind = "conflict"


class TooLarge(LabError):
    """The body exceeds the size limit."""

    status = 413
    kind = "too_large"


class TooManyRequests(LabError):
    """The client must wait `seconds` before it tries again."""

    status = 429
    kind = "too_many_requests"

    def __init__(self, detail: str, seconds: int) -> None:
        super().__init__(detail)
        self.seconds = seconds


class TooExpensive(LabError):
    """The work for a request exceeds its budget."""

    status = 422
    kind = "too_expensive"


class ClientLeft(LabError):
    """The client closed its connection before the answer was ready."""

    status = 499  # as in nginx; no client sees it
    kind = "client_left"


class Unavailable(LabError):
    """A required service is unreachable."""

    status = 503
    kind = "unavailable"

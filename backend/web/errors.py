"""Error responses: JSON for programs, a page for people.

The JSON is ``{"error": kind, "detail": one sentence, "field": dotted path or null}``; a refused
specification adds ``"errors"``, the refused fields, and ``"settings"``, the status of each setting.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from backend.errors import InvalidInput, InvalidSpec, LabError, TooManyRequests, Unavailable
from backend.specification.hyperparameters import show
from backend.specification.params import JsonObject
from backend.specification.setting_status import SettingStatus
from backend.store import UNREACHABLE, is_disk_full, is_read_only, loss, reason
from backend.web.security import HEADERS

logger = logging.getLogger(__name__)

RenderPage = Callable[[Request, int, str], Response]
"""Draws an error as a page, given its status and its sentence."""
Envelope = Callable[[int, JsonObject], Response]
"""Writes an error in the form of another protocol, given its status and its JSON."""

MAX_ERRORS = 100
NOT_PAGES = ("/api/", "/charts/", "/fragments/", "/static/")

DETAILS = {
    404: "There is nothing at {path}.",
    405: "{path} does not answer {method}.",
}


class ErrorBody(BaseModel):
    """The response to a refused request. Only a refused specification has `errors`."""

    error: str
    detail: str
    field: str | None
    errors: list[dict[str, str | None]] | None = None


class RefusedSpec(ErrorBody):
    """The response to a refused specification, with the status of each setting by path."""

    settings: dict[str, SettingStatus]


class ErrorHandlers:
    """Turns every exception of a request into a response."""

    def __init__(self) -> None:
        self.render_page: RenderPage | None = None
        self.envelopes: dict[tuple[str, ...], Envelope] = {}
        """The form of errors below some prefixes of paths, for clients of another protocol."""

    def install(self, app: FastAPI) -> None:
        """Register the handlers with an app."""
        app.exception_handler(LabError)(self.respond)
        app.exception_handler(RequestValidationError)(self._validation_error)
        app.exception_handler(HTTPException)(self._http_error)
        for away in UNREACHABLE:
            app.exception_handler(away)(self._database_error)
        app.exception_handler(Exception)(self._internal_error)

    def respond(self, request: Request, error: LabError) -> Response:
        """Return the response for `error`."""
        answer = self._answer(request, error.status, content(error))
        if isinstance(error, TooManyRequests):
            answer.headers["Retry-After"] = str(error.seconds)
        return answer

    def _answer(self, request: Request, status: int, body: JsonObject) -> Response:
        for prefixes, envelope in self.envelopes.items():
            if request.url.path.startswith(prefixes):
                return envelope(status, body)
        page_wanted = "text/html" in request.headers.get("accept", "")
        if self.render_page and page_wanted and not request.url.path.startswith(NOT_PAGES):
            return self.render_page(request, status, body["detail"])
        # json.dumps writes ASCII: the refused value may contain characters that UTF-8 cannot carry
        return Response(json.dumps(body), status, media_type="application/json")

    def _validation_error(self, request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"] if part not in SOURCES_OF_INPUT)
        return self.respond(request, InvalidInput(_sentence(field, first), field))

    def _http_error(self, request: Request, error: HTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        detail = DETAILS.get(status, f"{status.phrase}: {error.detail}")
        detail = detail.format(path=request.url.path[:100], method=request.method)
        kind = status.name.lower()
        answer = self._answer(request, status, {"error": kind, "detail": detail, "field": None})
        answer.headers.update(error.headers or {})
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            answer.headers["Allow"] = ", ".join(request.app.state.methods.of(request.url.path))
        return answer

    def _database_error(self, request: Request, error: Exception) -> Response:
        logger.error("database unavailable: %s", reason(error))
        problem = "cannot be reached; try again"
        if lost := loss(error):
            problem = f"{lost}; nothing was stored. `lab doctor` shows what to do"
        elif is_disk_full(error):
            problem = "has no free disk space; free some and try again"
        elif is_read_only(error):
            problem = "is read-only at the moment; try again"
        return self.respond(request, Unavailable(f"The database {problem}."))

    def _internal_error(self, request: Request, _error: Exception) -> Response:
        """Answer an unexpected error, outside all middleware. The server logs the traceback."""
        answer = self.respond(request, LabError("Internal error; see the log of the web process."))
        answer.headers.update(HEADERS)
        return answer


def content(error: LabError) -> JsonObject:
    """Return the JSON of an error."""
    body: JsonObject = {"error": error.kind, "detail": error.detail, "field": error.field}
    if isinstance(error, InvalidSpec):
        body["errors"] = [asdict(refused) for refused in error.errors[:MAX_ERRORS]]
        if error.settings is not None:
            body["settings"] = error.settings
    return body


SOURCES_OF_INPUT = ("query", "path", "header", "body")
ACCEPTED = {
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "dict_type": "names with their values",
    "model_type": "names with their values",
    "extra_forbidden": "nothing, there is no such field",
    "too_short": "{min_length} or more",
    "too_long": "{max_length} at most",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "literal_error": "{expected}",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
    "string_too_long": "at most {max_length} characters",
}


def _sentence(field: str, error: JsonObject) -> str:
    """Describe a refused parameter or field of a body, and its accepted values, in one sentence."""
    if error["type"] == "missing":
        return f"{field} is missing."
    accepted = ACCEPTED.get(error["type"], "plain text").format(**error.get("ctx", {}))
    return f"{field} is {show(error['input'])}; accepted: {accepted.replace(chr(39), '')}."

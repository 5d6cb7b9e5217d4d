"""FastAPI dependencies that REST endpoints and pages share: the service's parts, ids, bodies.

Endpoints open their own transaction, `with database.write() as session:`, so that the commit is
visible in the code and comes before the response. Dependencies that take no time are asynchronous:
FastAPI runs the others in a thread, which on a busy service costs more than the endpoint itself.
"""

import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, FastAPI, Path, Query, Request
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError
from starlette.concurrency import run_in_threadpool

from backend.access.identity import Identity, current_identity
from backend.errors import InvalidInput, UnsupportedMediaType
from backend.live.notifications import Broadcaster
from backend.operations.service_health import HealthChecks
from backend.scheduling.dispatcher import Dispatcher
from backend.search.tokens import MAX_LENGTH
from backend.settings import Settings
from backend.specification.hyperparameters import STOPPING
from backend.specification.hyperparameters.early_stopping import ACTION
from backend.specification.params import JsonObject
from backend.specification.parsing import ParseLimits, parse_json, parse_yaml
from backend.store import Database
from backend.store.tables import MAX_ID
from backend.web.authentication import Authenticator

PARSERS = {
    "application/json": parse_json,
    "application/yaml": parse_yaml,
    "application/x-yaml": parse_yaml,
}
MAX_REVISION = 2**63 - 1


@dataclass(frozen=True)
class RawBody:
    """A request body, and its media type, which names the parser."""

    content: bytes
    media_type: str
    limits: ParseLimits

    def parse(self) -> object:
        """Return the body as plain data. May take long: do not call it in async code.

        Raises MalformedBody and TooLarge.
        """
        return PARSERS[self.media_type](self.content, self.limits)


async def raw_body(request: Request) -> RawBody:
    """Read the body if its media type can be parsed. Raises UnsupportedMediaType."""
    content_type = request.headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in PARSERS:
        raise UnsupportedMediaType(
            f"The content type is {content_type[:80] or 'missing'}; accepted: application/json or "
            "application/yaml."
        )
    limits = ParseLimits.of(request.app.state.settings)
    return RawBody(await request.body(), media_type, limits)


def _part(name: str) -> Callable[[Request], Awaitable[object]]:
    """Return a dependency that takes a part of the service from the app's state."""

    async def dependency(request: Request) -> object:
        return getattr(request.app.state, name)

    return dependency


async def _identity() -> Identity:
    """Return the sender of the request."""
    return current_identity()


DatabaseDep = Annotated[Database, Depends(_part("database"))]
DispatcherDep = Annotated[Dispatcher, Depends(_part("dispatcher"))]
BroadcasterDep = Annotated[Broadcaster, Depends(_part("broadcaster"))]
AuthenticatorDep = Annotated[Authenticator, Depends(_part("authenticator"))]
HealthChecksDep = Annotated[HealthChecks, Depends(_part("health_checks"))]
SettingsDep = Annotated[Settings, Depends(_part("settings"))]
IdentityDep = Annotated[Identity, Depends(_identity)]
BodyDep = Annotated[RawBody, Depends(raw_body)]

ExperimentId = Annotated[int, Path(ge=1, le=MAX_ID, description="Id of an experiment.")]
RunId = Annotated[int, Path(ge=1, le=MAX_ID, description="Id of a run.")]
Cursor = Annotated[
    int | None,
    Query(
        ge=0,
        le=MAX_ID,
        description="`next_cursor` of the previous page; leave it out for the first page.",
    ),
]

Filter = Annotated[
    str,
    Query(
        max_length=MAX_LENGTH,
        description="Which runs, such as `metrics.val_loss < 0.3 and params.width = 32`.",
    ),
]
OrderBy = Annotated[
    str,
    Query(
        max_length=1000,
        description="Such as `metrics.val_loss desc, created`; by default the newest runs first.",
    ),
]


_STOPPING = [setting for setting in STOPPING.values() if setting is not ACTION]


async def _stopping_query(request: Request) -> dict[str, str]:
    """Return the early-stopping settings of the query; empty ones count as missing."""
    query = request.query_params
    return {
        setting.name: query[setting.name][:80] for setting in _STOPPING if query.get(setting.name)
    }


StoppingQuery = Annotated[dict[str, str], Depends(_stopping_query)]
STOPPING_PARAMETERS: list[dict[str, object]] = [
    {
        "in": "query",
        "name": setting.name,
        "required": False,
        "description": setting.help,
        "schema": dict(setting.schema),
    }
    for setting in _STOPPING
]
"""The parameters of `StoppingQuery` for the OpenAPI document."""


_DOCUMENT_LOCK = threading.Lock()


def _only_true_or_false(value: object) -> object:
    """Refuse 0, off and other words that pydantic takes for a boolean; the interface names two."""
    if value not in ("true", "false", True, False):
        raise PydanticCustomError("bool_parsing", "not a boolean")
    return value


Switch = Annotated[bool, BeforeValidator(_only_true_or_false)]
"""A query parameter that is `true` or `false`."""


async def known_query(request: Request) -> None:
    """Reject query parameters that the endpoint does not have. Raises InvalidInput.

    Otherwise a slip such as `?dryrun=true` would queue runs that should only be checked.
    """
    if not request.query_params:
        return
    path, method = request.scope["route"].path_format, request.method.lower()
    app = request.app
    document = app.openapi_schema or await run_in_threadpool(_openapi, app)
    endpoint = document["paths"].get(path, {}).get(method)
    if endpoint is None:
        return
    known = [
        parameter["name"]
        for parameter in endpoint.get("parameters", ())
        if parameter["in"] == "query"
    ]
    for name in request.query_params:
        if name not in known:
            accepted = f"accepted: {', '.join(known)}" if known else "no parameters"
            raise InvalidInput(f"{name[:80]} is not a parameter; {accepted}.", name[:80])


def _openapi(app: FastAPI) -> JsonObject:
    """Return the OpenAPI document, which takes 0.3 s to build."""
    with _DOCUMENT_LOCK:  # otherwise many simultaneous first requests would each build it
        return app.openapi()

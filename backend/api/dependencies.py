"""What endpoints ask for: the app's parts, ids that fit the database, and a parsed body.

Endpoints open their own transaction, `with database.write() as session:`, so that the commit lies
where it can be read: before the message to the queue, and before the answer.

What takes no time is asynchronous: else each would be a trip to a thread and back, which on a busy
service costs more than the endpoint.
"""

import threading
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Path, Query, Request
from starlette.concurrency import run_in_threadpool

from backend.errors import InvalidInput, UnsupportedMediaType
from backend.live.broadcaster import Broadcaster
from backend.live.notifications import Notifier
from backend.operations.health_checks import HealthChecks
from backend.scheduling.dispatcher import Dispatcher
from backend.settings import Settings
from backend.specification.hyperparameters import STOPPING
from backend.specification.hyperparameters.early_stopping import ACTION
from backend.specification.parsing import parse_json, parse_yaml
from backend.store import Database
from backend.store.tables import MAX_ID

PARSERS = {
    "application/json": parse_json,
    "application/yaml": parse_yaml,
    "application/x-yaml": parse_yaml,
}

MAX_REVISION = 2**63 - 1
_DESCRIBING = threading.Lock()


@dataclass(frozen=True)
class RawBody:
    """A body and the parser its content type names."""

    content: bytes
    media_type: str

    def parse(self) -> Any:
        """Return the body as plain data. Raises MalformedBody. May take long: not in async code."""
        return PARSERS[self.media_type](self.content)


async def known_query(request: Request) -> None:
    """Refuse parameters that the endpoint does not know. Raises InvalidInput.

    A slip such as `?dryrun=true` would otherwise queue what was only to be checked.
    """
    if not request.query_params:
        return
    path, method = request.scope["route"].path_format, request.method.lower()
    app = request.app
    document = app.openapi_schema or await run_in_threadpool(_described, app)
    described = document["paths"].get(path, {}).get(method)
    if described is None:
        return
    known = [each["name"] for each in described.get("parameters", ()) if each["in"] == "query"]
    for name in request.query_params:
        if name not in known:
            accepted = f"accepted: {', '.join(known)}" if known else "there are none here"
            raise InvalidInput(f"{name[:80]} is not a parameter; {accepted}.", name[:80])


def _described(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, which takes 0.3 s to make, once."""
    with _DESCRIBING:  # many first requests at once would each make it
        return app.openapi()


async def raw_body(request: Request) -> RawBody:
    """Read the body if its content type is one we parse. Raises UnsupportedMediaType."""
    given = request.headers.get("content-type", "")
    media_type = given.partition(";")[0].strip().lower()
    if media_type not in PARSERS:
        raise UnsupportedMediaType(
            f"The content type is {given[:80] or 'missing'}; accepted: application/json or "
            "application/yaml."
        )
    return RawBody(await request.body(), media_type)


async def _database(request: Request) -> Database:
    found: Database = request.app.state.database
    return found


async def _queue(request: Request) -> Dispatcher:
    found: Dispatcher = request.app.state.dispatcher
    return found


async def _notifier(request: Request) -> Notifier:
    found: Notifier = request.app.state.notifier
    return found


async def _broadcaster(request: Request) -> Broadcaster:
    found: Broadcaster = request.app.state.broadcaster
    return found


async def _settings(request: Request) -> Settings:
    found: Settings = request.app.state.settings
    return found


async def _health_checks(request: Request) -> HealthChecks:
    found: HealthChecks = request.app.state.health_checks
    return found


DatabaseDep = Annotated[Database, Depends(_database)]
DispatcherDep = Annotated[Dispatcher, Depends(_queue)]
NotifierDep = Annotated[Notifier, Depends(_notifier)]
BroadcasterDep = Annotated[Broadcaster, Depends(_broadcaster)]
HealthChecksDep = Annotated[HealthChecks, Depends(_health_checks)]
SettingsDep = Annotated[Settings, Depends(_settings)]
BodyDep = Annotated[RawBody, Depends(raw_body)]

ExperimentId = Annotated[int, Path(ge=1, le=MAX_ID, description="Id of an experiment.")]
RunId = Annotated[int, Path(ge=1, le=MAX_ID, description="Id of a run.")]
Cursor = Annotated[
    int | None,
    Query(ge=0, le=MAX_ID, description="`next_cursor` of the page before; none for the first."),
]


_STOPPING = [one for one in STOPPING.values() if one is not ACTION]


async def _stopping_query(request: Request) -> dict[str, str]:
    """Return the settings of early stopping in the query string, without empty ones."""
    query = request.query_params
    return {one.name: query[one.name][:80] for one in _STOPPING if query.get(one.name)}


StoppingQuery = Annotated[dict[str, str], Depends(_stopping_query)]
STOPPING_PARAMETERS: list[dict[str, object]] = [
    {
        "in": "query",
        "name": one.name,
        "required": False,
        "description": one.help,
        "schema": dict(one.schema),
    }
    for one in _STOPPING
]
"""The same settings for the OpenAPI document."""

"""The protocol as an ASGI application, mounted under the prefixes that clients use.

It routes by a table instead of a framework's routes, and reads bodies without one: logging is the
path of the service that is used most.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from backend.mlflow import artifacts, datasets, experiments, histories, logs, models, probes, runs
from backend.mlflow.endpoint import Endpoint
from backend.mlflow.errors import EndpointNotFound, MethodNotAllowed
from backend.mlflow.requests import read_body, read_query
from backend.mlflow.service import Service
from backend.specification.params import JsonObject
from backend.web.json_bodies import SMALL_BYTES

ENDPOINTS = (
    *experiments.ENDPOINTS,
    *runs.ENDPOINTS,
    *logs.ENDPOINTS,
    *histories.ENDPOINTS,
    *datasets.ENDPOINTS,
    *models.ENDPOINTS,
    *artifacts.ENDPOINTS,
    *probes.ENDPOINTS,
)
_FILES = "/mlflow-artifacts/artifacts"
_MULTIPART = re.compile(r"/mlflow-artifacts/mpu/(create|complete|abort)/(.+)", re.DOTALL)


@dataclass(frozen=True)
class Route:
    """The label of a request in metrics and logs. Only failures of a frequent one are logged."""

    path_format: str
    is_frequent: bool = False


class MlflowApp:
    """Answers one request. Errors are raised; the service turns them into MLflow's envelope."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._exact = {(e.method, f"/mlflow/{e.path}"): e for e in ENDPOINTS if "{" not in e.path}
        self._patterns = [(_pattern(e.path), e) for e in ENDPOINTS if "{" in e.path]
        self._routes = {
            e: Route(f"/api/2.0/mlflow/{e.path}", is_frequent=e.answer_async is not None)
            for e in ENDPOINTS
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route the request below the prefix under which this application is mounted."""
        request = Request(scope, receive)
        path = scope["path"].removeprefix(scope["root_path"])
        if path.startswith("/mlflow-artifacts/"):
            response = await self._files(request, path)
        else:
            endpoint, parts = self._find(request.method, path)
            scope["route"] = self._routes[endpoint]
            response = await self._answer(endpoint, request, parts)
        await response(scope, receive, send)

    def _find(self, method: str, path: str) -> tuple[Endpoint, Mapping[str, str]]:
        """Return the endpoint of a path, and the parts of the path by name.

        Raises EndpointNotFound and MethodNotAllowed.
        """
        endpoint = self._exact.get((method, path))
        if endpoint is not None:
            return endpoint, {}
        matches = [
            (match, e) for pattern, e in self._patterns if (match := pattern.fullmatch(path))
        ]
        for match, endpoint in matches:
            if endpoint.method == method:
                return endpoint, match.groupdict()
        if matches or any(known == path for _, known in self._exact):
            raise MethodNotAllowed(f"{path[:100]} does not answer {method[:20]}.")
        raise EndpointNotFound(f"There is nothing at {path[:100]}.")

    async def _answer(
        self, endpoint: Endpoint, request: Request, parts: Mapping[str, str]
    ) -> Response:
        if endpoint.reads_query:
            body = read_query(request.query_params, endpoint.body)
        else:
            content = await request.body()
            reading = partial(read_body, content, request.headers, endpoint.body)
            is_small = len(content) <= SMALL_BYTES
            body = reading() if is_small else await run_in_threadpool(reading)
        if endpoint.answer_async is not None:
            return _json(await endpoint.answer_async(self._service, body, **parts))
        if endpoint.answer is None:
            raise EndpointNotFound("There is nothing here.")
        return _json(await run_in_threadpool(endpoint.answer, self._service, body, **parts))

    async def _files(self, request: Request, path: str) -> Response:
        """Answer a request of the proxy for artifacts."""
        if multipart := _MULTIPART.fullmatch(path):
            request.scope["route"] = Route(f"/api/2.0/mlflow-artifacts/mpu/{multipart[1]}/{{path}}")
            return await artifacts.multipart(self._service, request, multipart[2])
        if path != _FILES and not path.startswith(f"{_FILES}/"):
            raise EndpointNotFound(f"There is nothing at {path[:100]}.")
        file = path.removeprefix(_FILES)[1:]
        request.scope["route"] = Route(f"/api/2.0{_FILES}{'/{path}' if file else ''}")
        if not file and request.method == "GET":
            return _json(await artifacts.list_folder(self._service, request, ""))
        if not file or request.method not in artifacts.RAW:
            raise MethodNotAllowed(f"{path[:100]} does not answer {request.method[:20]}.")
        return await artifacts.RAW[request.method](self._service, request, file)


class Probes:
    """Answers `/health` and `/version`, at the root and below the prefix ROOT."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises EndpointNotFound for any other path."""
        path = scope["path"].removeprefix(scope["root_path"])
        if path in ("", "/"):  # the links that a client prints lead here with a fragment
            await RedirectResponse("/")(scope, receive, send)
            return
        texts = {"/health": "OK", "/version": probes.VERSION}
        if path not in texts:
            raise EndpointNotFound(f"There is nothing at {scope['path'][:100]}.")
        await PlainTextResponse(texts[path])(scope, receive, send)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile("/mlflow/" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))


def _json(content: JsonObject) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")

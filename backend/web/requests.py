"""Request ids, work budgets and metrics; a log line for each change, failure or slow request."""

import logging
import re
import time
from collections.abc import Mapping
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.logging_setup import bound
from backend.operations.prometheus import PrometheusMetrics
from backend.web.security import SAFE_METHODS
from backend.work_budget import ClientWatch, budget

logger = logging.getLogger(__name__)

SLOW_SECONDS = 1.0
METHODS = (*SAFE_METHODS, "POST", "PUT", "PATCH", "DELETE")  # others are counted together
NOT_LOGGED = ("/readyz",)  # polled by machines, which read the answer themselves
CLIENT_WATCH = "client_watch"  # in the state of a request, where the server has set it
_NUMBER = re.compile(r"[0-9]{1,18}")
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


class RequestLog:
    """Outermost ASGI middleware, so that refused requests are counted too."""

    def __init__(self, app: ASGIApp, prometheus: PrometheusMetrics, work_seconds: float) -> None:
        self._app, self._prometheus, self._work_seconds = app, prometheus, work_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on. Its id comes from X-Request-ID if a proxy has set that header."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        proxy_id = Headers(scope=scope).get("x-request-id", "")
        request_id = proxy_id if _ID.fullmatch(proxy_id) else uuid4().hex[:12]
        begun = time.perf_counter()

        async def send_and_record(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
                self._record(scope, message["status"], time.perf_counter() - begun)
            await send(message)

        client = scope.get("state", {}).get(CLIENT_WATCH) or ClientWatch()
        with bound(request_id=request_id), budget(self._work_seconds, client):
            try:
                await self._app(scope, receive, send_and_record)
            except Exception:  # the server responds outside of all middleware
                self._record(scope, 500, time.perf_counter() - begun)
                raise

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "other"
        route = getattr(scope.get("route"), "path_format", None) or _unrouted(scope["path"])
        self._prometheus.count_request(method, route, status, seconds)
        is_frequent = getattr(scope.get("route"), "is_frequent", False)
        changed = method not in SAFE_METHODS and not is_frequent
        if route not in NOT_LOGGED and (changed or status >= 500 or seconds > SLOW_SECONDS):
            logger.info(
                "request",
                extra={"method": method, "route": route, "status": status,
                       "milliseconds": round(1000 * seconds), **_ids(scope.get("path_params", {}))},
            )  # fmt: skip


def _ids(path_params: Mapping[str, str]) -> dict[str, object]:
    """Return path parameters as log fields: {"experiment_id": "7"} becomes {"experiment": 7}."""
    return {
        name.removesuffix("_id"): int(value) if _NUMBER.fullmatch(value) else value
        for name, value in path_params.items()
    }


def _unrouted(path: str) -> str:
    """Return a metric label for a path without a route, so that labels stay few."""
    return "/static" if path.startswith("/static/") else "none"

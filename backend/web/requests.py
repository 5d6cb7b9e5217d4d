"""Each request has an id, is counted, and where something happened, has a line in the log."""

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

logger = logging.getLogger(__name__)

SLOW_SECONDS = 1.0
METHODS = (*SAFE_METHODS, "POST", "PUT", "PATCH", "DELETE")  # others are counted together
ASKED_OFTEN = ("/readyz",)  # by machines, that are told at once: no news
_NUMBER = re.compile(r"[0-9]{1,18}")
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


class Requests:
    """Pure ASGI middleware, outside of all else, so that refusals count too."""

    def __init__(self, app: ASGIApp, prometheus: PrometheusMetrics) -> None:
        self._app, self._prometheus = app, prometheus

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; its id is that of X-Request-ID where a proxy has given it one."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _ID.fullmatch(given) else uuid4().hex[:12]
        begun = time.perf_counter()

        async def send_noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
                self._note(scope, message["status"], time.perf_counter() - begun)
            await send(message)

        with bound(request_id=request_id):
            try:
                await self._app(scope, receive, send_noted)
            except Exception:  # answered outside of all middleware
                self._note(scope, 500, time.perf_counter() - begun)
                raise

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "other"
        route = getattr(scope.get("route"), "path_format", None) or _place(scope["path"])
        self._prometheus.count_request(method, route, status, seconds)
        changed = method not in SAFE_METHODS
        if route not in ASKED_OFTEN and (changed or status >= 500 or seconds > SLOW_SECONDS):
            logger.info(
                "request",
                extra={"method": method, "route": route, "status": status,
                       "milliseconds": round(1000 * seconds), **_ids(scope.get("path_params", {}))},
            )  # fmt: skip


def _ids(given: Mapping[str, str]) -> dict[str, object]:
    """Name what an address is about as other lines do: {"experiment_id": "7"} is experiment 7."""
    return {
        name.removesuffix("_id"): int(value) if _NUMBER.fullmatch(value) else value
        for name, value in given.items()
    }


def _place(path: str) -> str:
    """Name what has no route of its own: there are endless paths, and few names."""
    return "/static" if path.startswith("/static/") else "none"

"""Security checks of requests, and security headers of responses.

They stop web pages of other sites that make a visitor's browser send requests to this service: by
name (DNS rebinding, so only known Host names are accepted) or by request (cross-site forms and
scripts, so only same-origin requests may change anything). A token does not replace them.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.errors import ForbiddenOrigin, LabError
from backend.settings import Settings
from backend.specification.hyperparameters import show
from backend.web.body_limits import BodyLimit, BodyLimits, too_large
from backend.web.content_policy import page_policy
from backend.web.host_header import host_name

HEADERS = {
    "Content-Security-Policy": page_policy(),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

Respond = Callable[[Request, LabError], Response]


class Security:
    """ASGI middleware that checks requests and adds the headers."""

    def __init__(self, app: ASGIApp, settings: Settings, respond: Respond) -> None:
        self._app = app
        self._respond = respond
        self._body_limits = BodyLimits(settings)
        names = ["localhost", "127.0.0.1", "::1", settings.host, *settings.allowed_hosts]
        names += [urlsplit(settings.url).hostname or "localhost"] if settings.url else []
        self._hosts = {name.strip("[]").lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on and count the bytes of its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)  # a response may be stricter
            await send(message)

        try:
            self._check(scope, Headers(scope=scope))
        except LabError as error:
            response = self._respond(Request(scope), error)
            await response(scope, receive, send_with_headers)
            return
        counted = _counted(receive, self._body_limits.of(scope["path"]))
        await self._app(scope, counted, send_with_headers)

    def _check(self, scope: Scope, headers: Headers) -> None:
        """Raise ForbiddenOrigin or TooLarge."""
        host = headers.get("host", "")
        if host_name(host) not in self._hosts or len(headers.getlist("host")) > 1:
            raise ForbiddenOrigin(
                f"The host {show(host)} is unknown; accepted: the host of LAB_URL and "
                "those in LAB_ALLOWED_HOSTS."
            )
        if scope["method"] not in SAFE_METHODS and is_cross_site(headers):
            raise ForbiddenOrigin("Requests from pages of other sites may not change anything.")
        self._body_limits.check_length(scope["path"], headers.get("content-length", ""))


def _counted(receive: Receive, most: BodyLimit) -> Receive:
    """Return a `receive` that raises TooLarge beyond a limit.

    Content-Length is missing if the body is sent in chunks.
    """
    received = 0

    async def receive_counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > most.size:
            raise too_large(most)
        return message

    return receive_counted


def is_cross_site(headers: Headers) -> bool:
    """Return whether a browser marks the request as cross-site. Programs send no such headers."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != headers.get("host")

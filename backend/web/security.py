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

from backend.errors import ForbiddenOrigin, LabError, TooLarge
from backend.settings import Settings
from backend.specification.hyperparameters import show

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # plotly.js writes style elements and attributes
        "img-src 'self' data: blob:",  # plotly.js draws and saves pictures through both
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
MAX_LENGTH_DIGITS = 20  # of a Content-Length; Python refuses to parse very long numbers
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

Respond = Callable[[Request, LabError], Response]


class Security:
    """ASGI middleware that checks requests and adds the headers."""

    def __init__(self, app: ASGIApp, settings: Settings, respond: Respond) -> None:
        self._app = app
        self._respond = respond
        self._max_body_bytes = settings.max_body_bytes
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
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        try:
            self._check(scope["method"], Headers(scope=scope))
        except LabError as error:
            response = self._respond(Request(scope), error)
            await response(scope, receive, send_with_headers)
            return
        await self._app(scope, self._counted(receive), send_with_headers)

    def _check(self, method: str, headers: Headers) -> None:
        """Raise ForbiddenOrigin or TooLarge."""
        host = headers.get("host", "")
        if _name(host) not in self._hosts or len(headers.getlist("host")) > 1:
            raise ForbiddenOrigin(
                f"The host {show(host)} is unknown; accepted: the host of LAB_URL and "
                "those in LAB_ALLOWED_HOSTS."
            )
        if method not in SAFE_METHODS and _is_cross_site(headers):
            raise ForbiddenOrigin("Requests from pages of other sites may not change anything.")
        length = headers.get("content-length", "")
        too_long = len(length) > MAX_LENGTH_DIGITS
        if length.isdecimal() and (too_long or int(length) > self._max_body_bytes):
            raise self._too_large()

    def _counted(self, receive: Receive) -> Receive:
        """Return a `receive` that raises TooLarge, as Content-Length may be missing or wrong."""
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_body_bytes:
                raise self._too_large()
            return message

        return receive_counted

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The body is too large; accepted: at most {self._max_body_bytes:,} bytes.")


def _name(host: str) -> str:
    """Return the host name of a Host header in lower case, without the port."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name.lower()


def _is_cross_site(headers: Headers) -> bool:
    """Return whether a browser marks the request as cross-site. Programs send no such headers."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != headers.get("host")

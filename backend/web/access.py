"""Who may use the service: whoever shows its token, where one is set. Closed unless listed as open.

Programs send `Authorization: Bearer TOKEN`. A person opens the address with `?token=TOKEN`, or
gives the token on the page that asks for it; either way the browser keeps a cookie, and the token
leaves the address bar.
"""

import hashlib
import hmac
from urllib.parse import parse_qsl, quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.errors import Unauthorized
from backend.settings import Settings
from backend.web.errors import NOT_PAGES
from backend.web.security import Respond

SIGN_IN = "/sign-in"
OPEN = (SIGN_IN, "/healthz", "/readyz")
OPEN_FOLDER = "/static/"  # files of the checkout, which the page that asks for the token needs
COOKIE_SECONDS = 30 * 24 * 3600
NEEDED = (
    "This service asks for a token; programs send it as `Authorization: Bearer TOKEN`, "
    "`lab` takes it from LAB_TOKEN."
)
WRONG = "That is not this service's token."


class Key:
    """The token, and the cookie that stands for it."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        # Not the token itself: a browser shows its cookies to every port of a machine.
        self._cookie = hmac.digest(self._token, b"overfit-lab browser", hashlib.sha256).hex()

    def is_token(self, given: str) -> bool:
        """Compare, in a time that does not tell how much was right."""
        return hmac.compare_digest(given.encode(errors="surrogateescape"), self._token)

    def is_shown(self, request: Request) -> bool:
        """Whether a request carries the token, or the cookie that stands for it. Raises nothing."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.is_token(given.strip())
        cookie = request.cookies.get(_cookie_name(request), "")
        return hmac.compare_digest(cookie.encode(errors="surrogateescape"), self._cookie.encode())

    def let_in(self, request: Request, address: str) -> Response:
        """Return the way to a local address, with the cookie."""
        response = RedirectResponse(address, status_code=303, headers={"Cache-Control": "no-store"})
        response.set_cookie(
            _cookie_name(request),
            self._cookie,
            max_age=COOKIE_SECONDS,
            httponly=True,
            samesite="strict",
            secure=request.scope["scheme"] == "https",
        )
        return response


class Access:
    """Pure ASGI middleware, so that streams pass unbuffered. Without a token everyone may pass."""

    def __init__(self, app: ASGIApp, settings: Settings, respond: Respond) -> None:
        self._app, self._respond = app, respond
        self._key = key(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, let a person in, or answer that a token is needed."""
        if scope["type"] == "http" and self._key and not _is_open(scope["path"]):
            request = Request(scope)
            if "token" in request.query_params and _asks_for_page(request):
                await self._by_address(request, self._key)(scope, receive, send)
                return
            if not self._key.is_shown(request):
                await self._refuse(request, NEEDED)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _by_address(self, request: Request, key: Key) -> Response:
        if not key.is_token(request.query_params["token"]):
            return self._refuse(request, WRONG)
        return key.let_in(request, address_without_token(request))

    def _refuse(self, request: Request, sentence: str) -> Response:
        response = self._respond(request, Unauthorized(sentence))
        response.headers["WWW-Authenticate"] = "Bearer"
        return response


def key(settings: Settings) -> Key | None:
    """Return the key to a service with these settings; None where it is open."""
    return Key(settings.token.get_secret_value()) if settings.token else None


def address_without_token(request: Request) -> str:
    """Return the local address a request asked for, without a token."""
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    query = urlencode([(name, value) for name, value in pairs if name != "token"])
    return local_address(quote(request.scope["path"]) + (f"?{query}" if query else ""))


def local_address(address: str) -> str:
    """Return an address as one of this service, whatever it was: two slashes name another host."""
    return "/" + address.lstrip("/\\")


def _is_open(path: str) -> bool:
    return path in OPEN or path.startswith(OPEN_FOLDER)


def _asks_for_page(request: Request) -> bool:
    return request.method == "GET" and not request.scope["path"].startswith(NOT_PAGES)


def _cookie_name(request: Request) -> str:
    """Return a name of its own for each port: the ports of a machine share one jar of cookies."""
    port = request.headers.get("host", "").rpartition(":")[2]
    return f"overfit_lab_{port}" if port.isdecimal() else "overfit_lab"

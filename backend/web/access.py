"""Access control by token. If a token is set, every request requires it unless a rule says not.

Programs send `Authorization: Bearer TOKEN`, except that Trackio's client has a header of its own. A
person opens the URL with `?token=TOKEN` or enters the token on the sign-in page. Either way the
browser stores a cookie, and the token is removed from the URL.
"""

import hashlib
import hmac
from urllib.parse import parse_qsl, quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.access.exposure import WAYS_OUT, is_loopback
from backend.errors import ForbiddenOrigin, Unauthorized
from backend.settings import Settings
from backend.web.errors import NOT_PAGES
from backend.web.route_scopes import needed_scope
from backend.web.security import Respond

SIGN_IN = "/sign-in"
TRACKIO_HEADER = "X-Trackio-Write-Token"
COOKIE_SECONDS = 30 * 24 * 3600
MUST_SIGN_IN = (
    "This service requires a token. Programs send it as `Authorization: Bearer TOKEN`; "
    "`lab` reads it from LAB_TOKEN."
)
SIGN_IN_FAILED = "The token is wrong."
NO_TOKEN_SET = (
    "This request comes from another machine, but the service runs without a token. Who runs it "
    f"can {WAYS_OUT}."
)


class TokenCheck:
    """Checks the token of a request, or the cookie that stands for it."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        # Not the token itself: a browser sends its cookies to every port of a host.
        self._cookie = hmac.digest(self._token, b"overfit-lab browser", hashlib.sha256).hex()

    def is_token(self, candidate: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(candidate.encode(errors="surrogateescape"), self._token)

    def is_authorised(self, request: Request) -> bool:
        """Return whether a request carries the token or the cookie. Never raises."""
        if TRACKIO_HEADER in request.headers:
            return self.is_token(request.headers[TRACKIO_HEADER])
        scheme, _, candidate = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.is_token(candidate.strip())
        cookie = request.cookies.get(_cookie_name(request), "")
        return hmac.compare_digest(cookie.encode(errors="surrogateescape"), self._cookie.encode())

    def sign_in(self, request: Request, url: str) -> Response:
        """Return a redirect to a local URL that sets the cookie."""
        response = RedirectResponse(url, status_code=303, headers={"Cache-Control": "no-store"})
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
    """ASGI middleware that checks the token. Without one, it serves this machine only."""

    def __init__(self, app: ASGIApp, settings: Settings, respond: Respond) -> None:
        self._app, self._respond = app, respond
        self._token_check = token_check(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, sign a person in, or respond that a token is required."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if self._token_check is None and not _is_local(scope):
            await self._respond(request, ForbiddenOrigin(NO_TOKEN_SET))(scope, receive, send)
            return
        if self._token_check and needed_scope(scope) is not None:
            if "token" in request.query_params and _is_page_request(request):
                await self._sign_in_by_url(request, self._token_check)(scope, receive, send)
                return
            if not self._token_check.is_authorised(request):
                await self._refuse(request, MUST_SIGN_IN)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _sign_in_by_url(self, request: Request, check: TokenCheck) -> Response:
        if not check.is_token(request.query_params["token"]):
            return self._refuse(request, SIGN_IN_FAILED)
        return check.sign_in(request, url_without_token(request))

    def _refuse(self, request: Request, sentence: str) -> Response:
        response = self._respond(request, Unauthorized(sentence))
        response.headers["WWW-Authenticate"] = "Bearer"
        return response


def token_check(settings: Settings) -> TokenCheck | None:
    """Return the token check of a service, or None if it is open."""
    return TokenCheck(settings.token.get_secret_value()) if settings.token else None


def url_without_token(request: Request) -> str:
    """Return the local URL of a request without the token parameter."""
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    query = urlencode([(name, value) for name, value in pairs if name != "token"])
    return local_url(quote(request.scope["path"]) + (f"?{query}" if query else ""))


def local_url(url: str) -> str:
    """Return a URL on this host: two leading slashes would name another host."""
    return "/" + url.lstrip("/\\")


def _is_local(scope: Scope) -> bool:
    """Return whether both ends of a connection are loopback addresses.

    uvicorn takes the client's address from `X-Forwarded-For` where a proxy on this machine sent it.
    A Unix socket is not local: proxies that serve other machines use them.
    """
    ends = [scope.get("server"), scope.get("client")]
    return all(end is not None and is_loopback(end[0]) for end in ends)


def _is_page_request(request: Request) -> bool:
    return request.method == "GET" and not request.scope["path"].startswith(NOT_PAGES)


def _cookie_name(request: Request) -> str:
    """Return a cookie name that contains the port, because all ports of a host share cookies."""
    port = request.headers.get("host", "").rpartition(":")[2]
    return f"overfit_lab_{port}" if port.isdecimal() else "overfit_lab"

"""Access control: every request is authenticated and needs a scope, unless a rule says not.

Programs send a token in a header (`backend.web.credentials`). A person opens the URL with
`?token=TOKEN` or enters the token on the sign-in page. Either way the browser gets a session and
its cookie, and the token is removed from the URL.
"""

import time
from urllib.parse import parse_qsl, quote, urlencode

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.access.exposure import WAYS_OUT, is_loopback
from backend.access.identity import NOBODY, Identity, acting_as
from backend.errors import Forbidden, ForbiddenOrigin, LabError, Unauthorized, Unavailable
from backend.logging_setup import bound
from backend.store import UNREACHABLE
from backend.web.authentication import Authenticator
from backend.web.errors import NOT_PAGES
from backend.web.route_scopes import needed_scope
from backend.web.security import Respond, is_cross_site

SIGN_IN = "/sign-in"
VERIFY_AGAIN_SECONDS = 5.0  # while a response is sent: a stream ends with its token
NO_TOKEN_SET = (
    "This request comes from another machine, but the service runs without a token. Its "
    f"operator can {WAYS_OUT}."
)

FOREIGN_LINK = (
    "Another site's page opened this link. Copy the URL into the browser's address bar, or enter "
    "the token on the sign-in page."
)


class Access:
    """ASGI middleware that authenticates requests. Without a token, it serves this machine only."""

    def __init__(self, app: ASGIApp, authenticator: Authenticator, respond: Respond) -> None:
        self._app, self._respond = app, respond
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, sign a person in, or respond why the request is refused."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # the service has no WebSocket
            await send({"type": "websocket.close", "code": 1008})
            return
        request = Request(scope)
        try:
            answer = await self._authorise(request)
        except LabError as error:
            answer = self._refusal(request, error)
        except UNREACHABLE:
            answer = self._refusal(request, Unavailable("The database cannot be reached."))
        if isinstance(answer, Response):
            await answer(scope, receive, send)
            return
        with acting_as(answer), bound(token_name=answer.name):
            await self._pass_on(request, receive, send, answer)

    async def _authorise(self, request: Request) -> Identity | Response:
        """Return the sender, or the response that signs a browser in. Raises LabError."""
        if not self._authenticator.required and not _is_local(request.scope):
            raise ForbiddenOrigin(NO_TOKEN_SET)
        needed = needed_scope(request.scope)
        if needed is None:
            return NOBODY
        token = request.query_params.get("token")
        if token is not None and self._authenticator.required and _is_page_request(request):
            if is_cross_site(request.headers):
                raise ForbiddenOrigin(FOREIGN_LINK)
            return await self._authenticator.sign_in(request, token, url_without_token(request))
        identity = await self._authenticator.identify(request)
        if not identity.scope.includes(needed):
            await self._authenticator.note_forbidden(request, identity)
            raise Forbidden(
                f"The token {identity.name} has the scope {identity.scope.value}; "
                f"this needs {needed.value}."
            )
        return identity

    async def _pass_on(
        self, request: Request, receive: Receive, send: Send, identity: Identity
    ) -> None:
        """Answer a request. A long answer ends soon after its token was revoked."""
        verified_at, ended = time.monotonic(), False

        async def send_while_valid(message: Message) -> None:
            nonlocal verified_at, ended
            is_body = message["type"] == "http.response.body"
            if is_body and time.monotonic() - verified_at > VERIFY_AGAIN_SECONDS:
                ended = not await self._is_still_valid(request, identity)
                verified_at = time.monotonic()
            if ended:
                raise ClientDisconnect
            await send(message)

        try:
            await self._app(request.scope, receive, send_while_valid)
        except ClientDisconnect:
            if not ended:
                raise
            await send({"type": "http.response.body", "body": b""})

    async def _is_still_valid(self, request: Request, identity: Identity) -> bool:
        if identity is NOBODY:
            return True
        try:
            await self._authenticator.identify(request)
        except UNREACHABLE:
            return True  # unknown: the stream waits for the database as well
        except LabError:
            return False
        return True

    def _refusal(self, request: Request, error: LabError) -> Response:
        response = self._respond(request, error)
        if isinstance(error, Unauthorized):
            response.headers["WWW-Authenticate"] = "Bearer"
        return response


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

"""Authentication: finds out who sends a request, and signs browsers in and out."""

import logging
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from backend.access.exposure import requires_token
from backend.access.identity import ANYONE, Identity
from backend.access.throttle import FailureThrottle
from backend.access.token_secrets import digest, new_cookie
from backend.access.verification import EndedToken, Verifier
from backend.errors import TooManyRequests, Unauthorized
from backend.settings import Settings
from backend.store import Database, browser_sessions
from backend.web.credentials import Credential, cookie_name, sent_credential
from backend.web.refusals import Refusals

logger = logging.getLogger(__name__)

MUST_SIGN_IN = (
    "This service requires a token. Programs send it as `Authorization: Bearer TOKEN`; "
    "`lab` reads it from LAB_TOKEN."
)
WRONG_TOKEN = "The token is wrong."  # noqa: S105 - a sentence


class Authenticator:
    """Finds the identity of requests. `required` is false if the service requires no token."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.required = requires_token(settings)
        token = settings.token.get_secret_value() if settings.token else ""
        self._database = database
        self._max_sessions = settings.max_browser_sessions
        self._verifier = Verifier(database, token)
        self._throttle = FailureThrottle()
        self._refusals = Refusals(database)
        self.forget = self._verifier.forget

    async def identify(self, request: Request) -> Identity:
        """Return the sender of a request. Raises Unauthorized and TooManyRequests."""
        if not self.required:
            return ANYONE
        credential = sent_credential(request)
        if credential is None:
            raise Unauthorized(MUST_SIGN_IN)
        return await self._verified(request, credential)

    async def sign_in(self, request: Request, token: str, url: str) -> Response:
        """Start a browser session; return a redirect to a local URL that sets its cookie.

        Raises Unauthorized and TooManyRequests.
        """
        identity = await self._verified(request, Credential(token))
        cookie = new_cookie()
        await run_in_threadpool(self._start_session, identity, cookie, client_address(request))
        response = RedirectResponse(url, status_code=303, headers={"Cache-Control": "no-store"})
        response.set_cookie(
            cookie_name(request),
            cookie,
            max_age=browser_sessions.MAX_SECONDS,
            httponly=True,
            samesite="strict",
            secure=request.scope["scheme"] == "https",
        )
        return response

    async def sign_out(self, request: Request, identity: Identity, url: str) -> Response:
        """End the browser session of a request; return a redirect that removes its cookie."""
        if identity.session_id is not None:
            await run_in_threadpool(self._end_session, identity.session_id)
        response = RedirectResponse(url, status_code=303, headers={"Cache-Control": "no-store"})
        response.delete_cookie(cookie_name(request), httponly=True, samesite="strict")
        return response

    async def _verified(self, request: Request, credential: Credential) -> Identity:
        if known := self._verifier.remembered(credential.secret):
            return known
        if credential.is_cookie:  # random, and old ones are common: not an attempt to guess
            verify: Callable[[str], Identity | None] = self._verifier.verify_cookie
        else:
            self._refuse_frequent(client_address(request), credential.secret)
            verify = self._verifier.verify_token
        try:
            identity = await run_in_threadpool(verify, credential.secret)
        except EndedToken as error:
            await self._note_ended(request, credential.secret, error.name)
            raise
        if identity is None:
            raise self._failure(request, credential)
        return identity

    def _refuse_frequent(self, client: str, secret: str) -> None:
        if seconds := self._throttle.seconds_to_wait(client):
            raise TooManyRequests(
                f"Too many wrong tokens came from {client}; try again in {seconds} s.", seconds
            )
        if seconds := self._throttle.seconds_to_wait(digest(secret)):
            raise TooManyRequests(
                f"This token has ended, and was sent too often; try again in {seconds} s.", seconds
            )

    def _failure(self, request: Request, credential: Credential) -> Unauthorized:
        """Count and log a wrong token; return the error."""
        if credential.is_cookie:
            return Unauthorized(MUST_SIGN_IN)
        client = client_address(request)
        self._throttle.record_failure(client)
        logger.warning("wrong token", extra={"client": client})
        return Unauthorized(WRONG_TOKEN)

    async def _note_ended(self, request: Request, secret: str, token: str) -> None:
        """Count and record the use of a token that has ended.

        It counts against the token. Other programs with the same IP address may have valid ones.
        """
        client = client_address(request)
        self._throttle.record_failure(digest(secret))
        logger.warning("ended token", extra={"client": client, "token_name": token})
        await self._refusals.record(request, token=token, client=client, status=401)

    async def note_forbidden(self, request: Request, identity: Identity) -> None:
        """Record a request that needs a larger scope."""
        logger.warning("scope too small", extra={"token_name": identity.name})
        await self._refusals.record(
            request,
            token=identity.name or "",
            client=client_address(request),
            status=403,
            in_browser=identity.session_id is not None,
        )

    def _start_session(self, identity: Identity, cookie: str, client: str) -> None:
        with self._database.write() as session:
            browser_sessions.start(
                session,
                digest=digest(cookie),
                token_digest=identity.digest,
                token_name=identity.name or "",
                client=client,
                most=self._max_sessions,
            )
        self.forget()  # a session may have ended

    def _end_session(self, session_id: int) -> None:
        with self._database.write() as session:
            browser_sessions.remove(session, session_id)
        self.forget()


def client_address(request: Request) -> str:
    """Return the IP address of the client, as uvicorn reports it: see `X-Forwarded-For` there."""
    return request.client.host[:64] if request.client else "unknown"

"""Verification of tokens and browser sessions.

The operator's token (LAB_TOKEN) is compared in memory. Named tokens and sessions are looked up in
the database by digest. A positive result is kept in memory for `REMEMBER_SECONDS`, which is also
how long a token that another process revoked keeps working.
"""

import hmac
import logging
import threading
from collections.abc import Callable

from cachetools import TTLCache
from sqlalchemy.orm import Session

from backend.access.identity import OPERATOR_NAME, Identity
from backend.access.scopes import Scope
from backend.access.token_secrets import digest
from backend.errors import Unauthorized
from backend.store import UNREACHABLE, Database, browser_sessions, tokens
from backend.store.tables import Token

logger = logging.getLogger(__name__)

REMEMBER_SECONDS = 5.0
REMEMBERED = 1000  # identities in memory
RECORD_USE_SECONDS = 60.0  # between two writes of the time of last use


class EndedToken(Unauthorized):
    """A token that was revoked or has expired."""

    def __init__(self, token: Token) -> None:
        state = "was revoked" if token.revoked_at is not None else "has expired"
        super().__init__(
            f"The token {token.name} {state}. An administrator of this lab can create another."
        )
        self.name = token.name


class Verifier:
    """Finds the identity of a secret. Its methods that take one may be called from any thread."""

    def __init__(self, database: Database, operator_token: str) -> None:
        self._database = database
        self._operator_digest = digest(operator_token)
        self._remembered: TTLCache[str, Identity] = TTLCache(REMEMBERED, REMEMBER_SECONDS)
        self._use_recorded: TTLCache[str, bool] = TTLCache(REMEMBERED, RECORD_USE_SECONDS)
        self._lock = threading.Lock()  # guards both

    def remembered(self, secret: str) -> Identity | None:
        """Return the identity of a secret that was verified within the last seconds.

        Reads no database, so it may be called on the event loop.
        """
        key = digest(secret)
        if hmac.compare_digest(key, self._operator_digest):
            return self._operator()
        with self._lock:
            return self._remembered.get(key)

    def verify_token(self, secret: str) -> Identity | None:
        """Return the identity of a token, None if it is unknown.

        Raises EndedToken for a token that is revoked or has expired.
        """
        key = digest(secret)
        with self._database.read() as session:
            identity = self._usable(session, key)
            known = tokens.by_digest(session, key) if identity is None else None
        if known is not None:
            raise EndedToken(known)
        return self._remember(key, identity, tokens.touch)

    def verify_cookie(self, secret: str) -> Identity | None:
        """Return the identity behind the cookie of a browser session, None if it has ended."""
        key = digest(secret)
        with self._database.read() as session:
            row = browser_sessions.live(session, key)
            token = self._usable(session, row.token_digest) if row else None
        if row is None or token is None:
            return None
        identity = Identity(token.name, token.scope, token.digest, session_id=row.id)
        return self._remember(key, identity, browser_sessions.touch)

    def forget(self) -> None:
        """Verify every secret again, because a token was revoked or a session ended."""
        with self._lock:
            self._remembered.clear()

    def _usable(self, session: Session, key: str) -> Identity | None:
        if hmac.compare_digest(key, self._operator_digest):
            return self._operator()
        row = tokens.usable(session, key)
        return Identity(row.name, Scope(row.scope), key) if row else None

    def _operator(self) -> Identity:
        return Identity(OPERATOR_NAME, Scope.ADMIN, self._operator_digest)

    def _remember(
        self, key: str, identity: Identity | None, touch: Callable[[Session, str], None]
    ) -> Identity | None:
        """Keep a positive result, and record the use of the token or session now and then."""
        if identity is None:
            return None
        with self._lock:
            self._remembered[key] = identity
            is_due = key not in self._use_recorded
            self._use_recorded[key] = True
        if is_due:
            self._record_use(key, touch)
        return identity

    def _record_use(self, key: str, touch: Callable[[Session, str], None]) -> None:
        try:
            with self._database.write() as session:
                touch(session, key)
        except UNREACHABLE:  # a full or read-only disk must not lock people out
            logger.warning("could not record the last use of a token")

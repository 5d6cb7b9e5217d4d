"""Use cases of named tokens: create, list, revoke."""

import re

from pydantic import BaseModel
from sqlalchemy.orm import Session

from backend.access.identity import MAX_TOKEN_NAME, OPERATOR_NAME
from backend.access.scopes import Scope
from backend.access.token_secrets import digest, lifetime_seconds, new_token
from backend.errors import InvalidInput
from backend.runs.items import iso
from backend.store import browser_sessions, tokens
from backend.store.engine import moment
from backend.store.tables import Token

DEFAULT_SCOPE = Scope.READ
DEFAULT_LIFETIME = "90d"
# Two spaces look like one in a list. Names that differ in case only are not accepted either.
_NAME = re.compile(rf"(?!.*  )[A-Za-z0-9][A-Za-z0-9 ._@-]{{0,{MAX_TOKEN_NAME - 1}}}")


class TokenItem(BaseModel):
    """A token in lists, without its secret. Times are ISO 8601 in UTC.

    `state` is active, expired or revoked. `created_by` is the name of the token that created it,
    null for the command line.
    """

    id: int
    name: str
    scope: str
    state: str
    created_at: str
    created_by: str | None
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None


def create(
    session: Session,
    *,
    name: str,
    scope: str = DEFAULT_SCOPE.value,
    expires: str = DEFAULT_LIFETIME,
    created_by: str | None = None,
) -> tuple[TokenItem, str]:
    """Store a new token; return it and its secret, which is not stored.

    Spaces around the name are removed. Raises InvalidInput, and Conflict if the name is taken.
    """
    name = name.strip()
    if not _NAME.fullmatch(name) or name.lower() == OPERATOR_NAME:
        raise InvalidInput(
            f"name ({name[:MAX_TOKEN_NAME]}) is not a name for a token; accepted: up to "
            f"{MAX_TOKEN_NAME} letters, digits, ._@- and single spaces, beginning with a letter or "
            f"digit, but not {OPERATOR_NAME}.",
            "name",
        )
    secret = new_token()
    row = tokens.create(
        session,
        name=name,
        digest=digest(secret),
        scope=_scope(scope).value,
        seconds=lifetime_seconds(expires),
        created_by=created_by,
    )
    return _item(row, moment(session)), secret


def listed(session: Session) -> list[TokenItem]:
    """Return all tokens, newest first."""
    now = moment(session)
    return [_item(row, now) for row in tokens.listed(session)]


def revoke(session: Session, token: Token) -> TokenItem:
    """Make a token unusable for good, and end the browser sessions that it opened."""
    tokens.revoke(session, token)
    browser_sessions.end_all(session, token.digest)
    session.refresh(token)
    return _item(token, moment(session))


def _scope(text: str) -> Scope:
    try:
        return Scope(text)
    except ValueError:
        accepted = ", ".join(scope.value for scope in Scope)
        raise InvalidInput(
            f"scope ({text[:20]}) is not a scope; accepted: {accepted}.", "scope"
        ) from None


def _item(row: Token, now: int) -> TokenItem:
    if row.revoked_at is not None:
        state = "revoked"
    else:
        state = "expired" if row.expires_at is not None and row.expires_at <= now else "active"
    return TokenItem(
        id=row.id,
        name=row.name,
        scope=row.scope,
        state=state,
        created_at=iso(row.created_at) or "",
        created_by=row.created_by,
        expires_at=iso(row.expires_at),
        revoked_at=iso(row.revoked_at),
        last_used_at=iso(row.last_used_at),
    )

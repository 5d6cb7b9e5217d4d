"""Named tokens, found by the digest of their secret."""

from collections.abc import Sequence

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from backend.errors import Conflict, NotFound
from backend.store.engine import now_ms, take_turn
from backend.store.tables import MAX_ID, Token


def create(
    session: Session,
    *,
    name: str,
    digest: str,
    scope: str,
    seconds: float | None,
    created_by: str | None,
) -> Token:
    """Store a token that is valid for `seconds` (None: until it is revoked).

    Raises Conflict if another name differs in case at most.
    """
    take_turn(session, "creating a token")
    taken = session.scalar(select(Token.name).where(func.lower(Token.name) == name.lower()))
    if taken is not None:
        raise Conflict(f"There is or was a token named {taken}; choose another name.", "name")
    token = Token(name=name, digest=digest, scope=scope, created_by=created_by)
    session.add(token)
    session.flush()
    if seconds is not None:
        token.expires_at = token.created_at + round(1000 * seconds)
    return token


def usable(session: Session, digest: str) -> Token | None:
    """Return the token with this digest if it is neither revoked nor expired."""
    return session.scalar(
        select(Token).where(
            Token.digest == digest,
            Token.revoked_at.is_(None),
            or_(Token.expires_at.is_(None), Token.expires_at > now_ms()),
        )
    )


def by_digest(session: Session, digest: str) -> Token | None:
    """Return the token with this digest, also one that can no longer be used."""
    return session.scalar(select(Token).where(Token.digest == digest))


def listed(session: Session) -> Sequence[Token]:
    """Return all tokens, newest first."""
    return session.scalars(select(Token).order_by(Token.id.desc())).all()


def get(session: Session, token_id: int) -> Token:
    """Return a token. Raises NotFound."""
    token = session.get(Token, token_id) if 1 <= token_id <= MAX_ID else None
    if token is None:
        raise NotFound(f"There is no token {token_id}.")
    return token


def named(session: Session, name: str) -> Token:
    """Return the token of a name. Raises NotFound."""
    token = session.scalar(select(Token).where(Token.name == name))
    if token is None:
        raise NotFound(f"There is no token named {name}.")
    return token


def revoke(session: Session, token: Token) -> None:
    """Make a token unusable for good. A token that is already revoked does not change."""
    session.execute(
        update(Token)
        .where(Token.id == token.id, Token.revoked_at.is_(None))
        .values(revoked_at=now_ms())
    )


def touch(session: Session, digest: str) -> None:
    """Record that a token was just used."""
    session.execute(update(Token).where(Token.digest == digest).values(last_used_at=now_ms()))

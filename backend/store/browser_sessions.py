"""Browser sessions, found by the digest of their cookie."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.orm import Session

from backend.errors import NotFound
from backend.store.engine import now_ms
from backend.store.tables import MAX_ID, BrowserSession

IDLE_SECONDS = 7 * 24 * 3600
MAX_SECONDS = 30 * 24 * 3600


def _is_live() -> ColumnElement[bool]:
    """Return the condition that a session has neither been idle nor existed for too long."""
    return and_(
        BrowserSession.last_used_at > now_ms() - 1000 * IDLE_SECONDS,
        BrowserSession.created_at > now_ms() - 1000 * MAX_SECONDS,
    )


def start(
    session: Session, *, digest: str, token_digest: str, token_name: str, client: str, most: int
) -> BrowserSession:
    """Store a new session. Beyond `most` of its token, those end that were not used for longest."""
    row = BrowserSession(
        digest=digest, token_digest=token_digest, token_name=token_name, client=client
    )
    session.add(row)
    session.flush()
    used_first = BrowserSession.last_used_at.desc(), BrowserSession.id.desc()
    of_token = select(BrowserSession.id).where(BrowserSession.token_digest == token_digest)
    surplus = session.scalars(of_token.order_by(*used_first).offset(most)).all()
    if surplus:
        session.execute(delete(BrowserSession).where(BrowserSession.id.in_(surplus)))
    return row


def live(session: Session, digest: str) -> BrowserSession | None:
    """Return the session with this digest, if it has not expired."""
    return session.scalar(select(BrowserSession).where(BrowserSession.digest == digest, _is_live()))


def listed(session: Session) -> Sequence[BrowserSession]:
    """Return the live sessions, most recently used first."""
    order = BrowserSession.last_used_at.desc(), BrowserSession.id.desc()
    return session.scalars(select(BrowserSession).where(_is_live()).order_by(*order)).all()


def touch(session: Session, digest: str) -> None:
    """Record that a session was just used."""
    session.execute(
        update(BrowserSession).where(BrowserSession.digest == digest).values(last_used_at=now_ms())
    )


def end(session: Session, session_id: int) -> None:
    """End a session. Raises NotFound."""
    known = 1 <= session_id <= MAX_ID
    ended = session.execute(
        delete(BrowserSession)
        .where(BrowserSession.id == (session_id if known else 0))
        .returning(BrowserSession.id)
    )
    if not ended.all():
        raise NotFound(f"There is no browser session {session_id}.")


def remove(session: Session, session_id: int) -> None:
    """End a session, which may have ended already."""
    session.execute(delete(BrowserSession).where(BrowserSession.id == session_id))


def end_all(session: Session, token_digest: str) -> None:
    """End the sessions that were opened with a token."""
    session.execute(delete(BrowserSession).where(BrowserSession.token_digest == token_digest))


def remove_expired(session: Session) -> int:
    """Remove the sessions that have expired; return how many."""
    expired = delete(BrowserSession).where(~_is_live()).returning(BrowserSession.id)
    return len(session.scalars(expired).all())

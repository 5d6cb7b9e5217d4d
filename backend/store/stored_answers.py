"""Answers that are returned again when a client repeats a request with the same key."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from backend.store.engine import now_ms, take_turn
from backend.store.tables import StoredAnswer

MS_PER_HOUR = 3_600_000
MAX_ANSWERS = 10_000  # about 10 MB; the oldest are forgotten first


def lock_key(session: Session, owner: str, key: str) -> bool:
    """Lock a key until the end of the transaction; return False if another process has it."""
    return take_turn(session, f"answer {owner} {key}", wait=False)


def find(session: Session, owner: str, key: str, *, hours: float) -> StoredAnswer | None:
    """Return the answer that was stored under a key within the last hours."""
    recent = StoredAnswer.created_at > now_ms() - int(hours * MS_PER_HOUR)
    return session.scalar(
        select(StoredAnswer).where(StoredAnswer.owner == owner, StoredAnswer.key == key, recent)
    )


def remember(
    session: Session, owner: str, key: str, *, request: str, body: str, hours: float
) -> None:
    """Store an answer, and forget those that are too old or too many."""
    expired = StoredAnswer.created_at <= now_ms() - int(hours * MS_PER_HOUR)
    session.execute(delete(StoredAnswer).where(expired))
    newest = select(StoredAnswer.created_at).order_by(StoredAnswer.created_at.desc())
    surplus = newest.offset(MAX_ANSWERS - 1).limit(1).scalar_subquery()
    session.execute(delete(StoredAnswer).where(StoredAnswer.created_at <= surplus))
    session.add(StoredAnswer(owner=owner, key=key, request=request, body=body))

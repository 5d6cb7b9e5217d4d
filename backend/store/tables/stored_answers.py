"""Table of answers to requests that a client may send again."""

from sqlalchemy import BigInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from backend.store.engine import now_ms
from backend.store.tables.runs import Base


class StoredAnswer(Base):
    """The answer to a request with an Idempotency-Key, stored with what the request created.

    `owner` and `request` are SHA-256 digests: of the token, and of route, query and body.
    """

    __tablename__ = "stored_answers"
    __table_args__ = {"sqlite_with_rowid": False}

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    request: Mapped[str] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[int] = mapped_column(BigInteger, default=now_ms(), index=True)

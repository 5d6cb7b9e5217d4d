"""Tables of tokens, browser sessions and the audit log.

Secrets are stored as SHA-256 only. They have 128 random bits or more, so guessing one from its
digest is hopeless; a slow password hash would protect no better and cost every request 0.1 s.
"""

from sqlalchemy import JSON, BigInteger, Boolean, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from backend.access.identity import MAX_TOKEN_NAME
from backend.specification.params import JsonObject
from backend.store.engine import now_ms
from backend.store.tables.runs import Base


class Token(Base):
    """A named token. A revoked one is kept, so that its name in the audit log stays unambiguous.

    `created_by` is the name of the token that created it, null for the command line.
    """

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(MAX_TOKEN_NAME), unique=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    scope: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[int] = mapped_column(BigInteger, default=now_ms())
    created_by: Mapped[str | None] = mapped_column(String(MAX_TOKEN_NAME))
    expires_at: Mapped[int | None] = mapped_column(BigInteger)
    revoked_at: Mapped[int | None] = mapped_column(BigInteger)
    last_used_at: Mapped[int | None] = mapped_column(BigInteger)


class BrowserSession(Base):
    """A signed-in browser. It ends with the token it was opened with, whose digest it holds."""

    __tablename__ = "browser_sessions"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    token_digest: Mapped[str] = mapped_column(String(64))
    token_name: Mapped[str] = mapped_column(String(MAX_TOKEN_NAME))
    client: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[int] = mapped_column(BigInteger, default=now_ms())
    last_used_at: Mapped[int] = mapped_column(BigInteger, default=now_ms())


class AuditEntry(Base):
    """A request that changed something, or tried to.

    `token` is a name, null if the service required no token. `targets` maps a kind of object to
    the ids that the request named or changed.
    """

    __tablename__ = "audit_entries"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger, default=now_ms(), index=True)
    token: Mapped[str | None] = mapped_column(String(MAX_TOKEN_NAME))
    in_browser: Mapped[bool] = mapped_column(Boolean)
    client: Mapped[str] = mapped_column(String(64))
    method: Mapped[str] = mapped_column(String(8))
    route: Mapped[str] = mapped_column(String(200))
    targets: Mapped[JsonObject] = mapped_column(JSON)
    status: Mapped[int] = mapped_column(Integer)

"""Browser sessions as lists show them."""

from pydantic import BaseModel
from sqlalchemy.orm import Session

from backend.runs.items import iso
from backend.store import browser_sessions
from backend.store.browser_sessions import MAX_SECONDS


class SessionItem(BaseModel):
    """A signed-in browser: the token it used, and the IP address from which it signed in.

    `expires_at` is the latest end; a session that is idle for a week ends sooner.
    """

    id: int
    token: str
    client: str
    created_at: str
    last_used_at: str
    expires_at: str


def listed(session: Session) -> list[SessionItem]:
    """Return the live sessions, most recently used first."""
    return [
        SessionItem(
            id=row.id,
            token=row.token_name,
            client=row.client,
            created_at=iso(row.created_at) or "",
            last_used_at=iso(row.last_used_at) or "",
            expires_at=iso(row.created_at + 1000 * MAX_SECONDS) or "",
        )
        for row in browser_sessions.listed(session)
    ]

"""The audit log as lists show it."""

from pydantic import BaseModel
from sqlalchemy.orm import Session

from backend.runs.items import iso
from backend.store import audit


class AuditItem(BaseModel):
    """A request that changed something, or that failed to.

    `token` is null if the service required no token, and for a command on its machine, whose method
    is `lab`. `targets` maps experiment, run, token and other kinds to ids.
    """

    id: int
    at: str
    token: str | None
    in_browser: bool
    client: str
    method: str
    route: str
    targets: dict[str, list[int | str]]
    status: int


class AuditPage(BaseModel):
    """Some entries, newest first; `next_cursor` leads to older ones."""

    items: list[AuditItem]
    next_cursor: int | None


def page(
    session: Session, *, cursor: int | None = None, limit: int = 50, token: str | None = None
) -> AuditPage:
    """Return entries older than `cursor`, of one token or of all."""
    rows, next_cursor = audit.page(session, before=cursor, limit=limit, token=token)
    items = [
        AuditItem(
            id=row.id,
            at=iso(row.at) or "",
            token=row.token,
            in_browser=row.in_browser,
            client=row.client,
            method=row.method,
            route=row.route,
            targets=row.targets,
            status=row.status,
        )
        for row in rows
    ]
    return AuditPage(items=items, next_cursor=next_cursor)

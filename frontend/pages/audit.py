"""The page of the audit log, for administrators."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from backend.access.audit_log import page
from backend.web.dependencies import Cursor
from frontend.site import Reading, render

PAGE_SIZE = 100
LINKS = {"experiment": "/experiments/{}", "run": "/runs/{}"}
"""The pages of those kinds of targets that have one."""

router = APIRouter()


@router.get("/audit")
def audit_page(
    session: Reading,
    cursor: Cursor = None,
    by: Annotated[str, Query(max_length=80)] = "",
) -> HTMLResponse:
    """Show which token changed what, newest first."""
    entries = page(session, cursor=cursor, limit=PAGE_SIZE, token=by or None)
    query = {"cursor": entries.next_cursor, **({"by": by} if by else {})}
    return render(
        "audit.html",
        entries=entries.items,
        by=by,
        is_first=cursor is None,
        older=f"/audit?{urlencode(query)}" if entries.next_cursor else None,
        links=LINKS,
    )

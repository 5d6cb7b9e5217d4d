"""The audit log."""

from typing import Annotated

from fastapi import APIRouter, Query

from backend.access.audit_log import AuditPage, page
from backend.web.dependencies import Cursor, DatabaseDep

router = APIRouter(prefix="/api/audit", tags=["access"])


@router.get("", summary="Read the audit log")
def read_audit_log(
    database: DatabaseDep,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    by: Annotated[
        str | None, Query(max_length=80, description="Only the entries of this token.")
    ] = None,
) -> AuditPage:
    """Return which token changed what, newest first."""
    with database.read() as session:
        return page(session, cursor=cursor, limit=limit, token=by)

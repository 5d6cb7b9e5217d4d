"""Browser sessions: list, end."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel

from backend.access.sessions import SessionItem, listed
from backend.store import browser_sessions
from backend.store.tables import MAX_ID
from backend.web.dependencies import AuthenticatorDep, DatabaseDep

router = APIRouter(prefix="/api/sessions", tags=["access"])


class Sessions(BaseModel):
    """All live browser sessions, most recently used first."""

    items: list[SessionItem]


@router.get("", summary="List browser sessions")
def list_sessions(database: DatabaseDep) -> Sessions:
    """Return the sessions of signed-in browsers."""
    with database.read() as session:
        return Sessions(items=listed(session))


@router.delete("/{session_id}", status_code=204, summary="End a browser session")
def end_session(
    session_id: Annotated[int, Path(ge=1, le=MAX_ID, description="Id of a browser session.")],
    database: DatabaseDep,
    authenticator: AuthenticatorDep,
) -> Response:
    """Sign a browser out."""
    with database.write() as session:
        browser_sessions.end(session, session_id)
    authenticator.forget()
    return Response(status_code=204)

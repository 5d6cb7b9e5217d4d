"""Whether the service lives, and whether it can do its work."""

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from backend.api.dependencies import DatabaseDep, QueueDep
from backend.errors import Unavailable
from backend.store import schema

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """A good answer; a bad one is an error."""

    status: str


@router.get("/healthz", summary="Does the service live?")
def healthz(database: DatabaseDep) -> Health:
    """Answer 200 while the process and its database answer, 503 otherwise."""
    try:
        database.ping()
    except SQLAlchemyError as error:
        raise Unavailable("The database cannot be reached.") from error
    return Health(status="ok")


@router.get("/readyz", summary="Can the service do its work?")
def readyz(database: DatabaseDep, queue: QueueDep) -> Health:
    """Answer 200 when the schema is the newest and the broker answers, 503 otherwise."""
    if not schema.is_current(database):
        raise Unavailable("The database is not migrated to the newest schema.")
    if not queue.answers():
        raise Unavailable("The broker cannot be reached; runs wait in the database.")
    return Health(status="ready")

"""Whether the service lives, and whether it can do its work."""

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from backend.api.dependencies import DatabaseDep, QueueDep, SettingsDep
from backend.errors import Unavailable
from backend.export.versions import versions
from backend.presence import present
from backend.store import runs, schema

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """A good answer; a bad one is an error."""

    status: str


class Worker(BaseModel):
    """A worker that is there, and what it trains on."""

    name: str
    device: str
    torch: str
    started_at: str


class ServiceHealth(BaseModel):
    """What the service has to work with. `workers` is null while the broker is away."""

    broker: bool
    workers: list[Worker] | None
    queued: int
    running: int
    versions: dict[str, str]


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


@router.get("/api/health", summary="Who is there to train, and what waits?")
def health(database: DatabaseDep, settings: SettingsDep) -> ServiceHealth:
    """Return the workers that are there and how many runs wait and train."""
    workers = present(settings.broker_url)
    with database.read() as session:
        counts = runs.unended(session)
    return ServiceHealth(
        broker=workers is not None,
        workers=None if workers is None else [Worker(**each) for each in workers],
        queued=counts.get("queued", 0),
        running=counts.get("running", 0),
        versions=versions(),
    )

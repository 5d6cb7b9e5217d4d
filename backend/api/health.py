"""What the service has to work with."""

from fastapi import APIRouter
from pydantic import BaseModel

from backend.api.dependencies import DatabaseDep, SettingsDep
from backend.export.versions import versions
from backend.presence import present
from backend.store import runs

router = APIRouter(tags=["health"])


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

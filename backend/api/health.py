"""What the service has to work with."""

from fastapi import APIRouter
from pydantic import BaseModel

from backend.api.dependencies import DatabaseDep, DispatcherDep, HealthChecksDep, SettingsDep
from backend.export.provenance import versions
from backend.operations.disk_space import is_full
from backend.scheduling.worker_registry import Worker
from backend.specification.placement import DEVICES
from backend.store import dispatch, runs

router = APIRouter(tags=["health"])


class Device(BaseModel):
    """What waits for a device, "any" being those that may train anywhere, and who may train it.

    `workers` is null while the broker is away.
    """

    device: str
    queued: int
    workers: int | None


class ServiceHealth(BaseModel):
    """What the service has to work with. `workers` is null while the broker is away.

    `disk_full` is of the data folder's disk; `read_only` says that the database took
    no writes when last asked.
    """

    broker: bool
    disk_full: bool
    read_only: bool
    workers: list[Worker] | None
    devices: list[Device]
    queued: int
    running: int
    versions: dict[str, str]


@router.get("/api/health", summary="Who is there to train, and what waits?")
def health(
    database: DatabaseDep,
    dispatcher: DispatcherDep,
    health_checks: HealthChecksDep,
    settings: SettingsDep,
) -> ServiceHealth:
    """Return the workers that are there and how many runs wait and train."""
    broker = dispatcher.inspect_broker()
    with database.read() as session:
        counts = runs.count_unended(session)
        queued = dispatch.by_device(session) if counts.get("queued") else {}
    return ServiceHealth(
        broker=broker is not None,
        disk_full=is_full(settings.data_dir),
        read_only=not health_checks.takes_writes(),
        workers=None if broker is None else list(broker.workers),
        devices=[
            Device(
                device=each, queued=queued.get(each, 0), workers=broker and broker.workers_for(each)
            )
            for each in DEVICES
        ],
        queued=counts.get("queued", 0),
        running=counts.get("running", 0),
        versions=versions(),
    )

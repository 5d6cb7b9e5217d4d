"""The health of the service as pages and REST report it: broker, disk, database and workers."""

from pydantic import BaseModel

from backend.export.archive import versions
from backend.operations.health_checks import HealthChecks, is_full
from backend.scheduling.dispatcher import Dispatcher
from backend.scheduling.worker_registry import Worker
from backend.settings import Settings
from backend.specification.placement import DEVICES
from backend.store import Database, dispatch, runs


class Device(BaseModel):
    """Queued runs and workers of a device; "any" stands for runs that may train on any device.

    `workers` is null while the broker is unreachable.
    """

    device: str
    queued: int
    workers: int | None


class ServiceHealth(BaseModel):
    """The health of the service. `workers` is null while the broker is unreachable.

    `disk_full` refers to the disk of the data folder. `read_only` is true if the database refused
    the last test write.
    """

    broker: bool
    disk_full: bool
    read_only: bool
    workers: list[Worker] | None
    devices: list[Device]
    queued: int
    running: int
    versions: dict[str, str]


def service_health(
    database: Database, dispatcher: Dispatcher, checks: HealthChecks, settings: Settings
) -> ServiceHealth:
    """Return the health of the service, with its workers and the number of unended runs."""
    broker = dispatcher.inspect_broker()
    with database.read() as session:
        counts = runs.count_unended(session)
        queued = dispatch.by_device(session) if counts.get("queued") else {}
    return ServiceHealth(
        broker=broker is not None,
        disk_full=is_full(settings.data_dir),
        read_only=not checks.takes_writes(),
        workers=None if broker is None else list(broker.workers),
        devices=[
            Device(
                device=device,
                queued=queued.get(device, 0),
                workers=broker and broker.workers_for(device),
            )
            for device in DEVICES
        ],
        queued=counts.get("queued", 0),
        running=counts.get("running", 0),
        versions=versions(),
    )

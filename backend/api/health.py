"""The health of the service over REST."""

from fastapi import APIRouter

from backend.operations.service_health import ServiceHealth, service_health
from backend.web.dependencies import DatabaseDep, DispatcherDep, HealthChecksDep, SettingsDep

router = APIRouter(tags=["health"])


@router.get("/api/health", summary="Read the health of the service")
def health(
    database: DatabaseDep,
    dispatcher: DispatcherDep,
    checks: HealthChecksDep,
    settings: SettingsDep,
) -> ServiceHealth:
    """Return the workers, the number of queued and running runs, and any problems."""
    return service_health(database, dispatcher, checks, settings)

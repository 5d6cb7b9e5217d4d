"""Liveness, readiness, health of the service, and Prometheus metrics."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from backend.errors import Unavailable
from backend.operations.service_health import PartHealth, ServiceHealth, service_health
from backend.web.dependencies import DatabaseDep, DispatcherDep, HealthChecksDep, SettingsDep

router = APIRouter()

# The parts of HealthChecks.parts; "keeper" is the scheduler, a name that REST keeps.
PartName = Literal["database", "schema", "disk", "broker", "keeper", "workers"]


class Life(BaseModel):
    """Response of the liveness check."""

    status: str


class PartState(BaseModel):
    """Health of one part."""

    ok: bool
    detail: str


class Readiness(BaseModel):
    """Health of the service and its parts."""

    status: str
    parts: dict[str, PartState]


class NotReady(Readiness):
    """Health of a service that is not ready, with the fields of every error."""

    error: str
    detail: str
    field: str | None


@router.get("/healthz", tags=["operations"], summary="Check liveness")
async def healthz(request: Request) -> Life:
    """Return 200 while the process works, and 503 when only a restart would help.

    Database and broker are not checked: restarting this process would not bring them back.
    """
    scheduler = getattr(request.app.state, "scheduler", None)
    if scheduler is not None and not scheduler.is_alive():
        raise Unavailable("The scheduler has stopped; the web process must be restarted.")
    return Life(status="ok")


@router.get(
    "/readyz", tags=["operations"], summary="Check readiness", responses={503: {"model": NotReady}}
)
def readyz(
    health_checks: HealthChecksDep,
    response: Response,
    exclude: Annotated[list[PartName], Query(description="Parts to ignore.")] = [],  # noqa: B006 - read only
) -> NotReady | Readiness:
    """Return 200 if all parts work, else 503.

    The part `keeper` is the scheduler. `?exclude=workers`, which may be repeated, ignores parts.
    """
    parts = health_checks.parts()
    missing = [name for name, part in parts.items() if not part.ok and name not in exclude]
    states = {name: PartState(ok=part.ok, detail=part.detail) for name, part in parts.items()}
    if not missing:
        return Readiness(status="ready", parts=states)
    response.status_code = Unavailable.status
    return NotReady(
        status="not ready",
        parts=states,
        error=Unavailable.kind,
        detail=_sentence([parts[name] for name in missing]),
        field=None,
    )


def _sentence(missing: list[PartHealth]) -> str:
    return f"Not ready: {'; '.join(part.detail for part in missing)}."


@router.get(
    "/metrics", tags=["operations"], summary="Read metrics for Prometheus", response_class=Response
)
def metrics(request: Request) -> Response:
    """Return all metrics in the Prometheus text format."""
    prometheus = request.app.state.prometheus
    return Response(generate_latest(prometheus.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/api/health", tags=["health"], summary="Read the health of the service")
def health(
    database: DatabaseDep,
    dispatcher: DispatcherDep,
    checks: HealthChecksDep,
    settings: SettingsDep,
) -> ServiceHealth:
    """Return the workers, the number of queued and running runs, and any problems."""
    return service_health(database, dispatcher, checks, settings)

"""For those who run the service: does it live, can it do its work, how is it doing?"""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from backend.api.dependencies import HealthChecksDep
from backend.errors import Unavailable
from backend.operations.health_checks import PartHealth

router = APIRouter(tags=["operations"])

PartName = Literal["database", "schema", "disk", "broker", "keeper", "workers"]


class Life(BaseModel):
    """The process lives."""

    status: str


class PartState(BaseModel):
    """Whether a part can do its work."""

    ok: bool
    detail: str


class Readiness(BaseModel):
    """Whether the service can do its work; an answer of 503 adds the fields of every error."""

    status: str
    parts: dict[str, PartState]


class NotReady(Readiness):
    """What is missing, as an error and part by part."""

    error: str
    detail: str
    field: str | None


@router.get("/healthz", summary="Does the process live?")
async def healthz(request: Request) -> Life:
    """Answer 200 while the process can serve; 503 once only a new start would help.

    It asks neither database nor broker: their absence is no reason to start this process again.
    """
    scheduler = getattr(request.app.state, "scheduler", None)
    if scheduler is not None and not scheduler.is_alive():
        raise Unavailable("The keeper of the queue has ended; the web process must start again.")
    return Life(status="ok")


@router.get("/readyz", summary="Can the service do its work?", responses={503: {"model": NotReady}})
def readyz(
    health_checks: HealthChecksDep,
    response: Response,
    exclude: Annotated[list[PartName], Query(description="Parts that do not matter.")] = [],  # noqa: B006 - read only
) -> NotReady | Readiness:
    """Answer 200 when database, schema, disk, broker, keeper and a worker do their work, else 503.

    `?exclude=workers`, which may be repeated, leaves parts out of the judgement.
    """
    parts = health_checks.parts()
    missing = [name for name, part in parts.items() if not part.ok and name not in exclude]
    shown = {name: PartState(ok=part.ok, detail=part.detail) for name, part in parts.items()}
    if not missing:
        return Readiness(status="ready", parts=shown)
    response.status_code = Unavailable.status
    return NotReady(
        status="not ready",
        parts=shown,
        error=Unavailable.kind,
        detail=_sentence([parts[name] for name in missing]),
        field=None,
    )


def _sentence(missing: list[PartHealth]) -> str:
    return f"Not ready: {'; '.join(part.detail for part in missing)}."


@router.get("/metrics", summary="Figures for Prometheus", response_class=Response)
def metrics(request: Request) -> Response:
    """Return counters and gauges in the text format of Prometheus."""
    prometheus = request.app.state.prometheus
    return Response(generate_latest(prometheus.registry), media_type=CONTENT_TYPE_LATEST)

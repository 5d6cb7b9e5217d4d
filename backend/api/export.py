"""An experiment to take along: as one page, a folder of tables, or its specification."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session

from backend.api.dependencies import DatabaseDep, ExperimentId
from backend.export import archive_members, zip_stream
from backend.export.provenance import to_yaml
from backend.store import experiments

router = APIRouter(prefix="/api/experiments/{experiment_id}", tags=["experiments"])

Format = Literal["html", "csv", "parquet", "spec"]
RenderReport = Callable[[Session, int], str]
"""Makes an experiment's report, a page by itself, as text of HTML."""

CONTENT: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            media_type: {} for media_type in ("text/html", "application/zip", "application/yaml")
        }
    }
}


def _report(request: Request) -> RenderReport:
    found: RenderReport = request.app.state.report
    return found


@router.get(
    "/export",
    summary="Export an experiment",
    response_class=Response,
    responses=CONTENT,
)
def export(
    experiment_id: ExperimentId,
    database: DatabaseDep,
    report: Annotated[RenderReport, Depends(_report)],
    format: Annotated[Format, Query(description="What to export it as.")],  # noqa: A002
) -> Response:
    """Return a report that opens offline, the tables as a ZIP file, or the specification."""
    name = f"experiment-{experiment_id}"
    with database.read() as session:
        spec = experiments.get(session, experiment_id).spec
        if format == "html":
            return _file(f"{name}.html", report(session, experiment_id), "text/html")
    if format == "spec":
        return _file(f"{name}.yaml", to_yaml(spec), "application/yaml")
    pieces = zip_stream(archive_members(database, experiment_id, format))
    return StreamingResponse(
        pieces, media_type="application/zip", headers=_headers(f"{name}-{format}.zip")
    )


def _file(name: str, content: str, media_type: str) -> Response:
    return Response(content, media_type=media_type, headers=_headers(name))


def _headers(name: str) -> dict[str, Any]:
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }

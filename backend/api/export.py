"""Export an experiment: a report that opens offline, tables, or its specification."""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session

from backend.export import archive_members, zip_stream
from backend.export.archive import to_yaml
from backend.specification.params import JsonObject
from backend.store import experiments
from backend.web.dependencies import DatabaseDep, ExperimentId

router = APIRouter(prefix="/api/experiments/{experiment_id}", tags=["experiments"])

Format = Literal["html", "csv", "parquet", "spec"]
RenderReport = Callable[[Session, int], str]
"""Renders the report of an experiment as one HTML page."""

CONTENT: dict[int | str, JsonObject] = {
    200: {
        "content": {
            media_type: {} for media_type in ("text/html", "application/zip", "application/yaml")
        }
    }
}


def _render_report(request: Request) -> RenderReport:
    render: RenderReport = request.app.state.report
    return render


@router.get(
    "/export",
    summary="Export an experiment",
    response_class=Response,
    responses=CONTENT,
)
def export(
    experiment_id: ExperimentId,
    database: DatabaseDep,
    render_report: Annotated[RenderReport, Depends(_render_report)],
    format: Annotated[Format, Query(description="The format of the export.")],  # noqa: A002
) -> Response:
    """Return a report that opens offline, the tables in a ZIP file, or the specification."""
    name = f"experiment-{experiment_id}"
    with database.read() as session:
        spec = experiments.get(session, experiment_id).spec
        if format == "html":
            return _file(f"{name}.html", render_report(session, experiment_id), "text/html")
    if format == "spec":
        return _file(f"{name}.yaml", to_yaml(spec), "application/yaml")
    chunks = zip_stream(archive_members(database, experiment_id, format))
    return StreamingResponse(
        chunks, media_type="application/zip", headers=_headers(f"{name}-{format}.zip")
    )


def _file(name: str, content: str, media_type: str) -> Response:
    return Response(content, media_type=media_type, headers=_headers(name))


def _headers(name: str) -> dict[str, str]:
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }

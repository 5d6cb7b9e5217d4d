"""Experiments: submit, list, read, cancel, retry and export, and list the runs of one."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlalchemy.orm import Session

from backend.errors import InvalidSpec
from backend.export import archive_members, zip_stream
from backend.export.archive import to_yaml
from backend.limits import Limits
from backend.runs import lifecycle
from backend.runs.items import experiment_items, run_items
from backend.runs.more_seeds import MAX_ADDED, add_seeds
from backend.runs.queue_limits import check_queue, check_requeued
from backend.runs.schemas import ExperimentItem, RunItem
from backend.specification import ExperimentSpec, validate
from backend.specification.estimates import estimated_seconds, parameters
from backend.specification.params import JsonObject
from backend.specification.setting_status import SettingStatus, setting_statuses
from backend.store import experiments, runs
from backend.web.dependencies import (
    BodyDep,
    Cursor,
    DatabaseDep,
    ExperimentId,
    SettingsDep,
    Switch,
)
from backend.web.downloads import download_headers
from backend.web.errors import ErrorBody, RefusedSpec
from backend.web.heavy_work import HEAVY
from backend.web.idempotency import OnceDep

MAX_SEARCH = 200  # characters
router = APIRouter(prefix="/api/experiments", tags=["experiments"])


class Submitted(BaseModel):
    """A stored experiment."""

    id: int
    name: str
    url: str
    runs: int


class Estimate(BaseModel):
    """The cost of a specification. `parameters` lists the different model sizes, ascending."""

    runs: int
    parameters: list[int]
    estimated_seconds: float


class DryRun(Estimate):
    """The result of a dry run: the estimated cost, and the status of each setting by path."""

    settings: dict[str, SettingStatus]


class ExperimentPage(BaseModel):
    """Some experiments, newest first."""

    items: list[ExperimentItem]
    next_cursor: int | None


class RunPage(BaseModel):
    """Some runs of an experiment in grid order."""

    items: list[RunItem]
    next_cursor: int | None


SPEC_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            media_type: {"schema": {"type": "object", "title": "Specification"}}
            for media_type in ("application/json", "application/yaml")
        },
    }
}


@router.post(
    "",
    status_code=201,
    summary="Submit a specification",
    responses={
        200: {"model": DryRun, "description": "The estimate (dry_run)"},
        422: {"model": RefusedSpec | ErrorBody, "description": "The specification is refused"},
    },
    openapi_extra=SPEC_BODY,
    dependencies=[HEAVY],
)
def submit(
    body: BodyDep,
    response: Response,
    database: DatabaseDep,
    settings: SettingsDep,
    once: OnceDep,
    dry_run: Annotated[Switch, Query(description="Only validate and estimate.")] = False,
) -> Submitted | DryRun:
    """Validate a specification, store it with all its runs, and queue them."""
    spec = _validated(body.parse(), settings)
    if dry_run:
        response.status_code = 200
        cost = estimate(spec, workers=settings.workers)
        return DryRun(**cost.model_dump(), settings=setting_statuses(spec.document))

    def create(session: Session) -> Submitted:
        check_queue(session, len(spec.runs), settings)
        experiment, run_ids = experiments.create_experiment(session, spec)
        url = f"/experiments/{experiment.id}"
        return Submitted(id=experiment.id, name=experiment.name, url=url, runs=len(run_ids))

    submitted = once.create(database, Submitted, create)
    response.headers["Location"] = f"/api{submitted.url}"
    return submitted


def _validated(document: object, limits: Limits) -> ExperimentSpec:
    """Check a specification. Raises InvalidSpec with the status of each setting."""
    try:
        return validate(document, max_runs=limits.max_runs, max_text=limits.max_setting_text)
    except InvalidSpec as error:
        statuses = setting_statuses(document, error.errors)
        settings = {path: asdict(status) for path, status in statuses.items()}
        raise InvalidSpec(error.errors, settings) from error


def estimate(spec: ExperimentSpec, *, workers: int) -> Estimate:
    """Return the cost of a specification with `workers` worker processes."""
    return Estimate(
        runs=len(spec.runs),
        parameters=sorted({parameters(run) for run in spec.runs}),
        estimated_seconds=estimated_seconds(spec.runs, workers=workers),
    )


@router.get("", summary="List experiments")
def list_experiments(
    database: DatabaseDep,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    shown: Annotated[
        experiments.Visibility,
        Query(description="Active experiments, those in the archive, or deleted ones."),
    ] = "active",
    search: Annotated[
        str,
        Query(max_length=MAX_SEARCH, description="Words in the name, the note or the tags."),
    ] = "",
) -> ExperimentPage:
    """Return experiments, newest first."""
    with database.read() as session:
        page = experiments.page(session, before=cursor, limit=limit, shown=shown, search=search)
        items = experiment_items(session, page.items)
    return ExperimentPage(items=items, next_cursor=page.next_cursor)


@router.get("/{experiment_id}", summary="Read an experiment")
def read_experiment(experiment_id: ExperimentId, database: DatabaseDep) -> ExperimentItem:
    """Return one experiment."""
    with database.read() as session:
        return experiment_items(session, [experiments.get(session, experiment_id)])[0]


@router.get("/{experiment_id}/runs", summary="List the runs of an experiment")
def list_runs(
    experiment_id: ExperimentId,
    database: DatabaseDep,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> RunPage:
    """Return runs of an experiment in grid order, seeds innermost."""
    with database.read() as session:
        experiments.get(session, experiment_id)
        rows, next_cursor = runs.page(session, experiment_id, after=cursor, limit=limit)
        return RunPage(items=run_items(session, rows), next_cursor=next_cursor)


@router.post("/{experiment_id}/cancel", status_code=202, summary="Cancel an experiment")
def cancel(experiment_id: ExperimentId, database: DatabaseDep) -> ExperimentItem:
    """Cancel queued runs at once, and running ones when their worker next records."""
    with database.write() as session:
        lifecycle.cancel(session, experiment_id)
        return experiment_items(session, [experiments.get(session, experiment_id)])[0]


@router.post("/{experiment_id}/retry", status_code=202, summary="Retry the failed runs")
def retry(
    experiment_id: ExperimentId, database: DatabaseDep, settings: SettingsDep, once: OnceDep
) -> ExperimentItem:
    """Queue the failed runs again. An experiment without failed runs is not changed."""

    def queue(session: Session) -> ExperimentItem:
        requeued = lifecycle.retry(session, experiment_id)
        return _requeued(session, experiment_id, requeued, settings)

    return once.create(database, ExperimentItem, queue)


@router.post("/{experiment_id}/continue", status_code=202, summary="Continue the cancelled runs")
def continue_experiment(
    experiment_id: ExperimentId, database: DatabaseDep, settings: SettingsDep, once: OnceDep
) -> ExperimentItem:
    """Queue the cancelled runs again. An experiment without cancelled runs is not changed."""

    def queue(session: Session) -> ExperimentItem:
        return _requeued(
            session, experiment_id, lifecycle.continue_cancelled(session, experiment_id), settings
        )

    return once.create(database, ExperimentItem, queue)


def _requeued(
    session: Session, experiment_id: int, requeued: int, limits: Limits
) -> ExperimentItem:
    """Return the experiment of which some runs were queued again. Raises TooManyRequests."""
    check_requeued(session, experiment_id, requeued, limits)
    return experiment_items(session, [experiments.get(session, experiment_id)])[0]


@router.post("/{experiment_id}/seeds", status_code=202, summary="Add seeds to an experiment")
def more_seeds(
    experiment_id: ExperimentId,
    database: DatabaseDep,
    settings: SettingsDep,
    once: OnceDep,
    add: Annotated[
        int, Query(ge=1, le=MAX_ADDED, description="How many further seeds of each cell to train.")
    ] = 4,
) -> ExperimentItem:
    """Queue the runs of further seeds. Its specification then has these seeds as well."""

    def queue(session: Session) -> ExperimentItem:
        add_seeds(session, experiment_id, add, settings)
        return experiment_items(session, [experiments.get(session, experiment_id)])[0]

    return once.create(database, ExperimentItem, queue)


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
    "/{experiment_id}/export",
    summary="Export an experiment",
    response_class=Response,
    responses=CONTENT,
    dependencies=[HEAVY],
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
        experiments.get(session, experiment_id)
        if format == "html":
            return _file(f"{name}.html", render_report(session, experiment_id), "text/html")
        if format == "spec":
            document = experiments.specification(session, experiment_id)
            return _file(f"{name}.yaml", to_yaml(document), "application/yaml")
    chunks = zip_stream(archive_members(database, experiment_id, format))
    return StreamingResponse(
        chunks, media_type="application/zip", headers=_headers(f"{name}-{format}.zip")
    )


def _file(name: str, content: str, media_type: str) -> Response:
    return Response(content, media_type=media_type, headers=_headers(name))


def _headers(name: str) -> dict[str, str]:
    return {**download_headers(name), "Cache-Control": "no-store"}

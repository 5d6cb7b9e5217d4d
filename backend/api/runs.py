"""Runs over REST: the filtered list of all runs, and one run with its metrics and snapshots."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlalchemy.orm import Session

from backend.export import files
from backend.runs import lifecycle, listing
from backend.runs.fit_frames import Frames, frames_of
from backend.runs.items import replay_early_stopping, run_detail
from backend.runs.queue_limits import check_requeued
from backend.runs.schemas import EarlyStop, RunDetail, RunList
from backend.series import Series, downsample
from backend.store import artifacts, metrics, run_pages, runs
from backend.store.experiments import Visibility
from backend.web.dependencies import (
    STOPPING_PARAMETERS,
    DatabaseDep,
    Filter,
    OrderBy,
    RunId,
    SettingsDep,
    StoppingQuery,
)
from backend.web.downloads import download_headers
from backend.web.heavy_work import HEAVY
from backend.web.idempotency import OnceDep

router = APIRouter(prefix="/api/runs", tags=["runs"], dependencies=[HEAVY])
Layout = Literal["wide", "long"]

ShownQuery = Annotated[
    Visibility, Query(description="Active runs, those in the archive, or deleted ones.")
]


class RunCount(BaseModel):
    """The number of runs that match a filter."""

    runs: int


@router.get("", summary="List runs")
def list_runs(
    database: DatabaseDep,
    filter: Filter = "",  # noqa: A002 - as in MLflow
    order_by: OrderBy = "",
    shown: ShownQuery = "active",
    cursor: Annotated[str | None, Query(max_length=4000)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> RunList:
    """Return the runs that match: pinned runs first, and the newest first among equals."""
    with database.read() as session:
        query = listing.read_query(session, filter=filter, order_by=order_by, shown=shown)
        return listing.list_runs(session, query, cursor=cursor, limit=limit)


@router.get("/count", summary="Count runs")
def count_runs(
    database: DatabaseDep,
    filter: Filter = "",  # noqa: A002
    shown: ShownQuery = "active",
) -> RunCount:
    """Return how many runs match."""
    with database.read() as session:
        query = listing.read_query(session, filter=filter, order_by="", shown=shown)
        return RunCount(runs=run_pages.count_matching(session, query.condition, shown=shown))


class SeriesJson(BaseModel):
    """One metric over ascending steps; a value that was not finite is null."""

    steps: list[int]
    values: list[float | None]


@router.get("/{run_id}", summary="Read a run")
def read_run(run_id: RunId, database: DatabaseDep) -> RunDetail:
    """Return one run with its diagnosis; while it trains, the diagnosis up to now."""
    with database.read() as session:
        return run_detail(session, run_id)


@router.get(
    "/{run_id}/early-stopping",
    summary="Replay early stopping over a run",
    openapi_extra={"parameters": STOPPING_PARAMETERS},
)
def read_early_stop(run_id: RunId, database: DatabaseDep, query: StoppingQuery) -> EarlyStop:
    """Replay a criterion over the run's losses: the run's own, or the one in the query."""
    with database.read() as session:
        return replay_early_stopping(session, run_id, query)


@router.get("/{run_id}/metrics", summary="Read the metrics of a run")
def read_metrics(
    run_id: RunId,
    database: DatabaseDep,
    keys: Annotated[
        str | None,
        Query(
            max_length=2000,
            pattern=r"^[^\x00-\x1f]*$",
            description="Metric names separated by commas; all by default.",
        ),
    ] = None,
    max_points: Annotated[
        int | None,
        Query(
            ge=4,
            le=100_000,
            description="Reduce each metric to about this many points; keeps ends and extremes.",
        ),
    ] = None,
) -> dict[str, SeriesJson]:
    """Return the metrics of a run, all points or a selection. A metric may be empty."""
    names = None if keys is None else [key for key in keys.split(",") if key]
    with database.read() as session:
        runs.get(session, run_id)
        stored = metrics.series(session, run_id, names)
    return {key: _series_json(series, max_points) for key, series in stored.items()}


@router.get(
    "/{run_id}/metrics.csv",
    summary="Download the metrics of a run as CSV",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}}},
)
def download_metrics(
    run_id: RunId, database: DatabaseDep, layout: Layout = "wide"
) -> StreamingResponse:
    """Return a row for each step with all metrics; a missing value is an empty field.

    The layout "long" has a row for each point, which suits runs with thousands of metrics.
    """
    with database.read() as session:
        runs.get(session, run_id)
        series = metrics.series(session, run_id)
    return StreamingResponse(
        files.series_lines(series) if layout == "wide" else files.point_lines(series),
        media_type="text/csv",
        headers=download_headers(f"run-{run_id}-metrics.csv"),
    )


def _series_json(series: Series, max_points: int | None) -> SeriesJson:
    if max_points is not None:
        series = series.take(downsample(series.json_values, max_points))
    return SeriesJson(steps=series.steps.tolist(), values=series.json_values)


@router.post("/{run_id}/retry", status_code=202, summary="Retry a failed run")
def retry(run_id: RunId, database: DatabaseDep, settings: SettingsDep, once: OnceDep) -> RunDetail:
    """Queue a failed run again. Any other run is not changed."""

    def queue(session: Session) -> RunDetail:
        experiment_id = runs.get(session, run_id).experiment_id
        requeued = lifecycle.retry(session, experiment_id, run_id)
        check_requeued(session, experiment_id, requeued, settings)
        return run_detail(session, run_id)

    return once.create(database, RunDetail, queue)


@router.post("/{run_id}/continue", status_code=202, summary="Continue a cancelled run")
def continue_run(
    run_id: RunId, database: DatabaseDep, settings: SettingsDep, once: OnceDep
) -> RunDetail:
    """Queue a cancelled run again. Any other run is not changed.

    It trains from its beginning, reproduces the epochs that are recorded, and adds the others.
    """

    def queue(session: Session) -> RunDetail:
        experiment_id = runs.get(session, run_id).experiment_id
        requeued = lifecycle.continue_cancelled(session, experiment_id, run_id)
        check_requeued(session, experiment_id, requeued, settings)
        return run_detail(session, run_id)

    return once.create(database, RunDetail, queue)


@router.post("/{run_id}/cancel", status_code=202, summary="Cancel a run")
def cancel(run_id: RunId, database: DatabaseDep) -> RunDetail:
    """Cancel a waiting run at once, and a running one when its worker or agent next reports."""
    with database.write() as session:
        lifecycle.cancel_run(session, run_id)
        return run_detail(session, run_id)


@router.get("/{run_id}/frames", summary="Read the fit of a run over its epochs")
def read_frames(run_id: RunId, database: DatabaseDep) -> Frames:
    """Return the fit over a coarse grid at 10 to 40 epochs, with the best and the last."""
    with database.read() as session:
        return frames_of(session, run_id)


@router.get(
    "/{run_id}/snapshots/{kind}",
    summary="Download a snapshot",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
def download_snapshot(
    run_id: RunId, kind: artifacts.SnapshotKind, database: DatabaseDep
) -> Response:
    """Return the weights at the best or the last epoch as a safetensors file."""
    with database.read() as session:
        runs.get(session, run_id)
        weights = artifacts.get_snapshot(session, run_id, kind).weights
    return Response(
        weights,
        media_type="application/octet-stream",
        headers=download_headers(f"run-{run_id}-{kind}.safetensors"),
    )

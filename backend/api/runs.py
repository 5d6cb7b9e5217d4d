"""Runs: one run, its metrics, its snapshots."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from backend.api.dependencies import (
    STOPPING_PARAMETERS,
    DatabaseDep,
    DispatcherDep,
    NotifierDep,
    RunId,
    StoppingQuery,
)
from backend.export import csv_files
from backend.runs import lifecycle
from backend.runs.fit_frames import Frames, frames_of
from backend.runs.schemas import EarlyStop, RunDetail, early_stop, run_detail
from backend.series import Series, downsample
from backend.store import artifacts, metrics, runs

router = APIRouter(prefix="/api/runs/{run_id}", tags=["runs"])


class SeriesJson(BaseModel):
    """One metric over its steps, ascending; null where the value is not finite."""

    steps: list[int]
    values: list[float | None]


@router.get("", summary="Read a run")
def read_run(run_id: RunId, database: DatabaseDep) -> RunDetail:
    """Return one run with its diagnosis; while it trains, the diagnosis so far."""
    with database.read() as session:
        return run_detail(session, run_id)


@router.get(
    "/early-stopping",
    summary="Ask where early stopping would have ended a run",
    openapi_extra={"parameters": STOPPING_PARAMETERS},
)
def read_early_stop(run_id: RunId, database: DatabaseDep, query: StoppingQuery) -> EarlyStop:
    """Replay a criterion over the run's losses: its own, or the one the address describes."""
    with database.read() as session:
        return early_stop(session, run_id, query)


@router.get("/metrics", summary="Read the metrics of a run")
def read_metrics(
    run_id: RunId,
    database: DatabaseDep,
    keys: Annotated[
        str | None,
        Query(
            max_length=2000,
            pattern=r"^[^\x00-\x1f]*$",
            description="Metric names with commas between; all by default.",
        ),
    ] = None,
    max_points: Annotated[
        int | None,
        Query(
            ge=4,
            le=100_000,
            description="Thin each metric to about so many points; ends and extremes are kept.",
        ),
    ] = None,
) -> dict[str, SeriesJson]:
    """Return the metrics of a run, whole or thinned. A metric without points is empty."""
    wanted = None if keys is None else [key for key in keys.split(",") if key]
    with database.read() as session:
        runs.get(session, run_id)
        found = metrics.series(session, run_id, wanted)
    return {key: _series_json(series, max_points) for key, series in found.items()}


@router.get(
    "/metrics.csv",
    summary="Download the metrics of a run as CSV",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}}},
)
def download_metrics(run_id: RunId, database: DatabaseDep) -> StreamingResponse:
    """Return a row for each step with all metrics; a field is empty where there is no number."""
    with database.read() as session:
        runs.get(session, run_id)
        found = metrics.series(session, run_id)
    disposition = f'attachment; filename="run-{run_id}-metrics.csv"'
    return StreamingResponse(
        csv_files.series_lines(found),
        media_type="text/csv",
        headers={"Content-Disposition": disposition},
    )


def _series_json(series: Series, max_points: int | None) -> SeriesJson:
    if max_points is not None:
        series = series.take(downsample(series.json_values, max_points))
    return SeriesJson(steps=series.steps.tolist(), values=series.json_values)


@router.post("/retry", status_code=202, summary="Retry a failed run")
def retry(
    run_id: RunId, database: DatabaseDep, dispatcher: DispatcherDep, notifier: NotifierDep
) -> RunDetail:
    """Queue a run that failed once more. Any other stays as it is."""
    with database.write() as session:
        experiment_id = runs.get(session, run_id).experiment_id
        lifecycle.retry(session, experiment_id, run_id)
        session.expire_all()
        found = run_detail(session, run_id)
    dispatcher.dispatch_now()
    notifier.notify(experiment_id)
    return found


@router.get("/frames", summary="Read how the fit of a run came about")
def read_frames(run_id: RunId, database: DatabaseDep) -> Frames:
    """Return the fit at some 10 to 40 epochs, the best and the last, over one coarse grid."""
    with database.read() as session:
        return frames_of(session, run_id)


@router.get(
    "/snapshots/{kind}",
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
    disposition = f'attachment; filename="run-{run_id}-{kind}.safetensors"'
    return Response(
        weights,
        media_type="application/octet-stream",
        headers={"Content-Disposition": disposition},
    )

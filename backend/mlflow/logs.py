"""Endpoints that log: a metric, a param, a tag, or a batch of them. Nothing here may be slow."""

from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session

from backend.errors import NotFound
from backend.mlflow import bodies
from backend.mlflow.endpoint import Endpoint, post
from backend.mlflow.errors import InvalidParameter
from backend.mlflow.names import check_batch_size, check_key, check_run_id, require, require_run
from backend.mlflow.service import Service
from backend.runs.verdict_tags import first_reserved
from backend.specification.params import JsonObject
from backend.store import curation, external_runs, logged_models
from backend.store.external_runs import LoggedRun
from backend.store.external_search import NAME_TAG
from backend.store.logged_models import ModelPoint
from backend.store.logged_points import Batch
from backend.tracking import runs
from backend.tracking.limits import MAX_PARAM_CHARACTERS, MAX_TAG_CHARACTERS
from backend.tracking.logs import RunLog

NOTHING: JsonObject = {}


async def log_metric(service: Service, body: bodies.LogMetric) -> JsonObject:
    """Append one point."""
    run_id = require_run(body.run_id, body.run_uuid)
    await service.writer.log(_log(run_id, [body]))
    return NOTHING


async def log_param(service: Service, body: bodies.OfRun) -> JsonObject:
    """Set a param, which keeps its first value."""
    run_id = require_run(body.run_id, body.run_uuid)
    params = _params([bodies.KeyValue(body.key, body.value)])
    await service.writer.log(RunLog(run_id, params=params))
    return NOTHING


async def set_tag(service: Service, body: bodies.OfRun) -> JsonObject:
    """Set or replace a tag."""
    run_id = require_run(body.run_id, body.run_uuid)
    await service.writer.log(_log(run_id, [], tags=_tags([bodies.KeyValue(body.key, body.value)])))
    return NOTHING


async def log_batch(service: Service, body: bodies.LogBatch) -> JsonObject:
    """Append points and set params and tags: all of them, or none if one is refused."""
    run_id = check_run_id(require(body.run_id, "run_id"))
    check_batch_size(len(body.metrics), len(body.params), len(body.tags))
    params, tags = _params(body.params), _tags(body.tags)
    if len(params) < len(body.params):
        raise InvalidParameter("params have the same key twice; accepted: each key once.")
    await service.writer.log(_log(run_id, body.metrics, params, tags))
    return NOTHING


def delete_tag(service: Service, body: bodies.OfRun) -> JsonObject:
    """Remove a tag of a run."""
    run_id = require_run(body.run_id, body.run_uuid)
    key = require(body.key, "key")
    if first_reserved([key]):
        raise InvalidParameter(f"The tag {key} holds the verdict, which only the service sets.")
    with service.database.write() as session:
        run = runs.locate(session, run_id)
        if key not in curation.tags_of(session, "run", [run.run_id])[run.run_id]:
            raise NotFound(f"Run {run_id} has no tag {key[:60]!a}.")
        external_runs.set_tags(session, run, {key: None})
    return NOTHING


def _log(
    run_id: str,
    metrics: Sequence[bodies.LoggedMetric],
    params: dict[str, str] | None = None,
    tags: dict[str, str] | None = None,
) -> RunLog:
    """Return a request for the writer, with what belongs to it in the same transaction."""
    batch = _batch(metrics)
    tags = dict(tags or {})
    name = tags.pop(NAME_TAG, None)
    of_models = [metric for metric in metrics if metric.model_id]
    also: Callable[[Session, LoggedRun], None] | None = None
    if name or of_models:

        def also(session: Session, run: LoggedRun) -> None:
            if name:
                external_runs.rename(session, run, name)
            logged_models.add_points(session, _model_points(run_id, of_models))

    return RunLog(run_id, batch, params or {}, dict(tags), also)


def _batch(metrics: Sequence[bodies.LoggedMetric]) -> Batch:
    """Return points in columns. Raises InvalidParameter."""
    keys = [metric.key for metric in metrics]
    for key in set(keys):
        check_key(key, "metric key")
    values = [metric.value for metric in metrics]
    timestamps = [metric.timestamp for metric in metrics]
    if None in values or None in timestamps:
        column = values if None in values else timestamps
        field = "value" if column is values else "timestamp"
        require(None, f"metrics[{column.index(None)}].{field}")
    times = [time for time in timestamps if time is not None]
    if min(times, default=0) < 0:
        raise InvalidParameter(f"timestamp is {min(times)}; accepted: 0 or more milliseconds.")
    return Batch(
        [key for key in keys if key is not None],
        [metric.step for metric in metrics],
        times,
        [value for value in values if value is not None],
    )


def _params(entries: Sequence[bodies.KeyValue]) -> dict[str, str]:
    """Return params; longer values are cut, as in MLflow. Raises InvalidParameter."""
    return {
        check_key(entry.key, "param key"): entry.value[:MAX_PARAM_CHARACTERS] for entry in entries
    }


def _tags(entries: Sequence[bodies.KeyValue]) -> dict[str, str]:
    """Return tags; longer values are cut, as in MLflow. Raises InvalidParameter."""
    return {check_key(entry.key, "tag key"): entry.value[:MAX_TAG_CHARACTERS] for entry in entries}


def _model_points(run_id: str, metrics: Sequence[bodies.LoggedMetric]) -> list[ModelPoint]:
    return [
        ModelPoint(
            metric.model_id or "",
            metric.key or "",
            metric.step,
            metric.timestamp or 0,
            run_id,
            metric.value,
            metric.dataset_name,
            metric.dataset_digest,
        )
        for metric in metrics
    ]


ENDPOINTS = (
    Endpoint("POST", "runs/log-batch", bodies.LogBatch, answer_async=log_batch),
    Endpoint("POST", "runs/log-metric", bodies.LogMetric, answer_async=log_metric),
    Endpoint("POST", "runs/log-parameter", bodies.OfRun, answer_async=log_param),
    Endpoint("POST", "runs/set-tag", bodies.OfRun, answer_async=set_tag),
    post("runs/delete-tag", bodies.OfRun, delete_tag),
)

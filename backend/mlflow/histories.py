"""Endpoints of the history of metrics: all values of one, in pages, or some of several runs."""

import numpy as np

from backend.errors import NotFound
from backend.mlflow import bodies
from backend.mlflow.answers import number, paged
from backend.mlflow.endpoint import get
from backend.mlflow.errors import InvalidParameter
from backend.mlflow.names import check_max_results, require, require_run
from backend.mlflow.orders import MAX_OFFSET, offset_of, page_token
from backend.mlflow.service import Service
from backend.series import IntArray
from backend.specification.params import JsonObject
from backend.store import external_runs, logged_points
from backend.store.logged_points import History

MAX_RUNS = 100
MAX_POINTS_PER_RUN = 2500


def read(service: Service, body: bodies.History) -> JsonObject:
    """Return all values of a metric by time, step and value. An unknown run has none."""
    run_id = require_run(body.run_id, body.run_uuid)
    key = require(body.metric_key, "metric_key")
    offset = offset_of(body.page_token)
    limit = (
        MAX_OFFSET if body.max_results is None else check_max_results(body.max_results, MAX_OFFSET)
    )
    history = _history(service, run_id, key)
    end = offset + limit
    chosen = np.arange(len(history.steps))[offset:end]
    answers = _answers(history, chosen, key)
    return paged("metrics", answers, page_token(end) if end < len(history.steps) else None)


def read_interval(service: Service, body: bodies.HistoryInterval) -> JsonObject:
    """Return values of a metric of several runs between two steps, spread over the steps."""
    if not body.run_ids or len(body.run_ids) > MAX_RUNS:
        raise InvalidParameter(
            f"run_ids has {len(body.run_ids)} entries; accepted: 1 to {MAX_RUNS}."
        )
    key = require(body.metric_key, "metric_key")
    limit = check_max_results(body.max_results, MAX_POINTS_PER_RUN)
    first, last = body.start_step, body.end_step
    if (first is None) != (last is None) or (first is not None and first > (last or 0)):
        raise InvalidParameter(
            f"start_step is {first} and end_step is {last}; accepted: neither, or both in order."
        )
    answers: list[JsonObject] = []
    for run_id in body.run_ids:
        history = _history(service, run_id, key)
        order = np.lexsort((history.timestamps, history.steps))
        if first is not None and last is not None:
            steps = history.steps[order]
            order = order[(steps >= first) & (steps <= last)]
        chosen = order[_spread(len(order), limit)]
        answers += [{**answer, "run_id": run_id} for answer in _answers(history, chosen, key)]
    return paged("metrics", answers, None)


def _spread(count: int, limit: int) -> IntArray:
    """Return up to `limit` indices below `count`, evenly spread, with the first and the last.

    They begin parts of equal size, the larger ones first, as in MLflow.
    """
    if count <= limit:
        return np.arange(count)
    parts = np.arange(limit)
    starts = parts * (count // limit) + np.minimum(parts, count % limit)
    starts[-1] = count - 1
    return starts


def _history(service: Service, run_id: str, key: str) -> History:
    """Return all values of a metric, sorted by time, step and value; NaN sorts like 0."""
    with service.database.read() as session:
        try:
            id_ = external_runs.get(session, run_id).run.id
        except NotFound:
            empty = np.array([], np.int64)
            return History(empty, empty, np.array([], np.float64))
        history = logged_points.history(session, id_, key)
    comparable = np.where(np.isnan(history.values), 0.0, history.values)
    order = np.lexsort((comparable, history.steps, history.timestamps))
    return History(history.steps[order], history.timestamps[order], history.values[order])


def _answers(history: History, chosen: IntArray, key: str) -> list[JsonObject]:
    columns = (history.values, history.timestamps, history.steps)
    return [
        {"key": key, "value": number(value), "timestamp": timestamp, "step": step}
        for value, timestamp, step in zip(
            *(column[chosen].tolist() for column in columns), strict=True
        )
    ]


ENDPOINTS = (
    get("metrics/get-history", bodies.History, read),
    get("metrics/get-history-bulk-interval", bodies.HistoryInterval, read_interval),
)

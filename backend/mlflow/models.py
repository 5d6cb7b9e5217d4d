"""Endpoints of logged models, which autologging creates by default: without them it logs nothing.

Only what tracking needs is here. There is no registry of models.
"""

import re
from collections.abc import Sequence
from uuid import uuid4

from sqlalchemy.orm import Session

from backend.errors import NotFound
from backend.mlflow import bodies
from backend.mlflow.answers import (
    model_uri,
    number,
    paged,
    pairs,
    public_id,
    without_empty_lists,
)
from backend.mlflow.endpoint import Endpoint, get, post
from backend.mlflow.errors import InvalidParameter
from backend.mlflow.filters import MODELS, parse_filter
from backend.mlflow.model_search import matching, sorted_models
from backend.mlflow.names import check_max_results, require
from backend.mlflow.orders import MAX_COLUMNS, offset_of, page_token
from backend.mlflow.service import Service, experiment_ids, experiment_of
from backend.specification.params import JsonObject
from backend.store import experiments, logged_models
from backend.store.logged_models import ModelPoint
from backend.store.tables import LoggedModel
from backend.tracking.run_names import random_name

PENDING = "LOGGED_MODEL_PENDING"
UNKNOWN = "LOGGED_MODEL_STATUS_UNSPECIFIED"
STATUSES = (UNKNOWN, PENDING, "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED")  # by number
DEFAULT_RESULTS = 50
_BAD_NAME = re.compile(r"""[/:.%"']""")


def create(service: Service, body: bodies.CreateModel) -> JsonObject:
    """Create a model whose files are uploaded next."""
    id_ = require(body.experiment_id, "experiment_id")
    name = body.name or random_name()
    if _BAD_NAME.search(name):
        raise InvalidParameter(
            f"name is {name[:60]!a}; accepted: names without / : . % and quotes."
        )
    with service.database.write() as session:
        experiment = experiment_of(session, id_)
        if experiment.deleted_at is not None:
            raise InvalidParameter(f"Experiment {id_} is deleted; restore it first.")
        model = LoggedModel(
            model_id=f"m-{uuid4().hex}",
            experiment_id=experiment.id,
            name=name[:500],
            model_type=body.model_type,
            source_run_id=body.source_run_id[:256],
            status=PENDING,
            params=_texts(body.params),
            tags=_texts(body.tags),
        )
        return {"model": _answers(session, [logged_models.create(session, model)])[0]}


def read(service: Service, body: bodies.OfModel, model_id: str) -> JsonObject:
    """Return a model."""
    deleted = body.allow_deleted.lower() == "true"
    with service.database.read() as session:
        model = logged_models.get(session, model_id, deleted=deleted)
        return {"model": _answers(session, [model])[0]}


def finish(service: Service, body: bodies.OfModel, model_id: str) -> JsonObject:  # noqa: ARG001 - the body's id counts
    """Set the state of a model after the upload."""
    id_ = require(body.model_id, "model_id")
    written = require(body.status, "status")
    if isinstance(written, int):
        written = STATUSES[written] if 0 <= written < len(STATUSES) else UNKNOWN
    status = written if written in STATUSES else UNKNOWN
    with service.database.write() as session:
        model = logged_models.change(session, id_, status=status)
        return {"model": _answers(session, [model])[0]}


def delete(service: Service, body: bodies.OfModel, model_id: str) -> JsonObject:  # noqa: ARG001
    """Delete a model."""
    with service.database.write() as session:
        logged_models.delete(session, model_id)
    return {}


def set_tags(service: Service, body: bodies.OfModel, model_id: str) -> JsonObject:
    """Set or replace tags of a model."""
    with service.database.write() as session:
        tags = logged_models.get(session, model_id).tags
        logged_models.change(session, model_id, tags={**tags, **_texts(body.tags)})
    return {}


def delete_tag(service: Service, body: bodies.OfModel, model_id: str, key: str) -> JsonObject:  # noqa: ARG001
    """Remove a tag of a model."""
    with service.database.write() as session:
        tags = dict(logged_models.get(session, model_id).tags)
        if tags.pop(key, None) is None:
            raise NotFound(f"Logged model {model_id} has no tag {key[:60]!a}.")
        logged_models.change(session, model_id, tags=tags)
    return {}


def log_params(service: Service, body: bodies.OfModel, model_id: str) -> JsonObject:
    """Add params to a model."""
    with service.database.write() as session:
        params = logged_models.get(session, model_id).params
        logged_models.change(session, model_id, params={**params, **_texts(body.params)})
    return {}


def search(service: Service, body: bodies.SearchModels) -> JsonObject:
    """Return a page of the models that fulfil a filter."""
    limit = check_max_results(body.max_results or DEFAULT_RESULTS)
    conditions = parse_filter(body.filter, MODELS)
    offset = offset_of(body.page_token)
    if len(body.order_by) > MAX_COLUMNS:
        raise InvalidParameter(
            f"order_by has {len(body.order_by):,} columns; accepted: up to {MAX_COLUMNS}."
        )
    with service.database.read() as session:
        models = logged_models.of_experiments(session, _existing(session, body.experiment_ids))
        points = logged_models.points_of(session, [model.model_id for model in models])
        found = [model for model in models if matching(model, points[model.model_id], conditions)]
        found = sorted_models(found, points, body.order_by)
        answers = _answers(session, found[offset : offset + limit])
    more = len(found) > offset + limit
    return paged("models", answers, page_token(offset + limit) if more else None)


def _existing(session: Session, written: Sequence[str]) -> list[int]:
    """Return the ids of experiments. Raises NotFound for the first that does not exist."""
    found = experiment_ids(session, written)
    for id_ in written:
        if id_ not in found:
            raise NotFound(f"There is no experiment {id_[:60]}.")
    return sorted(set(found.values()))


def _texts(entries: list[bodies.KeyValue]) -> dict[str, str]:
    return {require(entry.key, "key"): entry.value for entry in entries}


def _answers(session: Session, models: list[LoggedModel]) -> list[JsonObject]:
    points = logged_models.points_of(session, [model.model_id for model in models])
    owners = experiments.by_ids(session, {model.experiment_id for model in models})
    public = {owner.id: public_id(owner.id, owner.name) for owner in owners}
    return [_answer(model, public[model.experiment_id], points[model.model_id]) for model in models]


def _answer(model: LoggedModel, experiment_id: str, points: list[ModelPoint]) -> JsonObject:
    info = {
        "model_id": model.model_id,
        "experiment_id": experiment_id,
        "name": model.name,
        "creation_timestamp_ms": model.created_at,
        "last_updated_timestamp_ms": model.updated_at,
        "artifact_uri": model_uri(experiment_id, model.model_id),
        "status": model.status,
        "model_type": model.model_type,
        "source_run_id": model.source_run_id,
        "tags": pairs(model.tags),
    }
    data = {"params": pairs(model.params), "metrics": [_point_answer(point) for point in points]}
    return {"info": without_empty_lists(info), "data": without_empty_lists(data)}


def _point_answer(point: ModelPoint) -> JsonObject:
    fields = {**point._asdict(), "value": number(point.value)}
    return {name: value for name, value in fields.items() if value is not None}


_MODEL = "logged-models/{model_id}"
ENDPOINTS = (
    post("logged-models", bodies.CreateModel, create),
    post("logged-models/search", bodies.SearchModels, search),
    get(_MODEL, bodies.OfModel, read),
    Endpoint("PATCH", _MODEL, bodies.OfModel, finish),
    Endpoint("DELETE", _MODEL, bodies.OfModel, delete),
    Endpoint("PATCH", f"{_MODEL}/tags", bodies.OfModel, set_tags),
    Endpoint("DELETE", f"{_MODEL}/tags/{{key}}", bodies.OfModel, delete_tag),
    post(f"{_MODEL}/params", bodies.OfModel, log_params),
)

"""Endpoints of experiments: create, read, search, rename, delete, restore, tags."""

from sqlalchemy.orm import Session

from backend.errors import Conflict, NotFound
from backend.mlflow import bodies
from backend.mlflow.answers import experiment_answer, paged
from backend.mlflow.endpoint import get, post
from backend.mlflow.errors import AlreadyExists, InvalidParameter
from backend.mlflow.filters import EXPERIMENTS, parse_filter
from backend.mlflow.names import (
    MAX_EXPERIMENT_TAG_CHARACTERS,
    check_experiment_name,
    check_key,
    check_max_results,
    require,
)
from backend.mlflow.orders import offset_of, page_token, parse_order
from backend.mlflow.service import Service, ensure_default, experiment_of, named
from backend.mlflow.views import view_of
from backend.specification.params import JsonObject
from backend.store import curation
from backend.store.external_search import DEFAULT_NAME, find_experiments
from backend.store.tables import Experiment
from backend.tracking import experiments


def create(service: Service, body: bodies.CreateExperiment) -> JsonObject:
    """Create an experiment. Raises AlreadyExists."""
    name = check_experiment_name(body.name, "name")
    tags = {_tag_key(tag.key): _tag_value(tag.value) for tag in body.tags}
    ensure_default(service.database)
    try:
        with service.database.write() as session:
            experiment = experiments.create_experiment(session, name, tags=tags)
    except Conflict as error:
        raise AlreadyExists(error.detail) from None
    return {"experiment_id": str(experiment.id)}


def read(service: Service, body: bodies.OfExperiment) -> JsonObject:
    """Return an experiment, deleted or not."""
    id_ = require(body.experiment_id, "experiment_id")
    ensure_default(service.database)
    with service.database.read() as session:
        return {"experiment": _answers(session, [experiment_of(session, id_)])[0]}


def read_by_name(service: Service, body: bodies.NamedExperiment) -> JsonObject:
    """Return the experiment with a name, deleted or not."""
    name = require(body.experiment_name, "experiment_name")
    if name == DEFAULT_NAME:
        ensure_default(service.database)
    with service.database.read() as session:
        return {"experiment": _answers(session, [named(session, name)])[0]}


def search(service: Service, body: bodies.SearchExperiments) -> JsonObject:
    """Return a page of the experiments that fulfil a filter."""
    limit = check_max_results(body.max_results)
    conditions = parse_filter(body.filter, EXPERIMENTS)
    order = parse_order(body.order_by, EXPERIMENTS)
    offset = offset_of(body.page_token)
    page = view_of(body.view_type, offset, limit + 1)
    ensure_default(service.database)
    with service.database.read() as session:
        found = find_experiments(session, conditions, order, page)
        answers = _answers(session, found[:limit])
    return paged("experiments", answers, page_token(offset + limit) if len(found) > limit else None)


def rename(service: Service, body: bodies.OfExperiment) -> JsonObject:
    """Give an experiment another name."""
    id_ = require(body.experiment_id, "experiment_id")
    name = check_experiment_name(body.new_name, "new_name")
    with service.database.write() as session:
        experiment = _active(experiment_of(session, id_))
        try:
            experiments.rename_experiment(session, experiment.id, name)
        except Conflict as error:
            raise AlreadyExists(error.detail) from None
    return {}


def delete(service: Service, body: bodies.OfExperiment) -> JsonObject:
    """Delete an experiment with its runs; it can be restored for some days."""
    id_ = require(body.experiment_id, "experiment_id")
    with service.database.write() as session:
        experiment = experiment_of(session, id_)
        if experiment.deleted_at is not None:
            raise NotFound(f"There is no active experiment {id_}.")
        experiments.delete_experiment(session, experiment.id)
    return {}


def restore(service: Service, body: bodies.OfExperiment) -> JsonObject:
    """Restore a deleted experiment with its runs."""
    id_ = require(body.experiment_id, "experiment_id")
    with service.database.write() as session:
        experiment = experiment_of(session, id_)
        if experiment.deleted_at is None:
            raise NotFound(f"There is no deleted experiment {id_}.")
        experiments.restore_experiment(session, experiment.id, deleted_days=service.deleted_days)
    return {}


def set_tag(service: Service, body: bodies.OfExperiment) -> JsonObject:
    """Set or replace a tag of an experiment."""
    id_ = require(body.experiment_id, "experiment_id")
    tags = {_tag_key(body.key): _tag_value(body.value)}
    with service.database.write() as session:
        experiment = _active(experiment_of(session, id_))
        experiments.set_experiment_tags(session, experiment.id, tags)
    return {}


def delete_tag(service: Service, body: bodies.OfExperiment) -> JsonObject:
    """Remove a tag of an experiment."""
    id_ = require(body.experiment_id, "experiment_id")
    key = require(body.key, "key")
    with service.database.write() as session:
        experiment = _active(experiment_of(session, id_))
        if key not in curation.tags_of(session, "experiment", [experiment.id])[experiment.id]:
            raise NotFound(f"Experiment {id_} has no tag {key[:60]!a}.")
        experiments.set_experiment_tags(session, experiment.id, {key: None})
    return {}


def _tag_key(key: str | None) -> str:
    return check_key(key, "key")


def _tag_value(value: str) -> str:
    if len(value) > MAX_EXPERIMENT_TAG_CHARACTERS:
        raise InvalidParameter(
            f"value has {len(value):,} characters; accepted: up to "
            f"{MAX_EXPERIMENT_TAG_CHARACTERS:,}."
        )
    return value


def _active(experiment: Experiment) -> Experiment:
    """Return an experiment that is not deleted. Raises InvalidParameter."""
    if experiment.deleted_at is not None:
        raise InvalidParameter(f"Experiment {experiment.id} is deleted; restore it first.")
    return experiment


def _answers(session: Session, rows: list[Experiment]) -> list[JsonObject]:
    tags = curation.tags_of(session, "experiment", [row.id for row in rows])
    return [experiment_answer(row, tags[row.id]) for row in rows]


ENDPOINTS = (
    post("experiments/create", bodies.CreateExperiment, create),
    get("experiments/get", bodies.OfExperiment, read),
    get("experiments/get-by-name", bodies.NamedExperiment, read_by_name),
    get("experiments/search", bodies.SearchExperiments, search),
    post("experiments/search", bodies.SearchExperiments, search),
    post("experiments/update", bodies.OfExperiment, rename),
    post("experiments/delete", bodies.OfExperiment, delete),
    post("experiments/restore", bodies.OfExperiment, restore),
    post("experiments/set-experiment-tag", bodies.OfExperiment, set_tag),
    post("experiments/delete-experiment-tag", bodies.OfExperiment, delete_tag),
)

"""Endpoints of the inputs and outputs of runs: data sets and models."""

import json

from backend.mlflow import bodies
from backend.mlflow.answers import CONTEXT_TAG
from backend.mlflow.endpoint import post
from backend.mlflow.errors import InvalidParameter
from backend.mlflow.names import check_run_id, require, require_run
from backend.mlflow.service import Service
from backend.specification.params import JsonObject
from backend.store import curation, external_runs, logged_models
from backend.store.external_runs import Dataset
from backend.tracking import runs

MAX_DATASETS = 1000  # of one request
MAX_MODELS = 1000  # of one request
HISTORY_TAG = "mlflow.log-model.history"
MAX_HISTORY_CHARACTERS = 1_000_000
LIMITS = {
    "name": 500, "digest": 36, "source": 65_535, "schema": 1_048_575, "profile": 16_777_215
}  # fmt: skip
REQUIRED_OF_MODEL = {"artifact_path", "flavors", "utc_time_created", "run_id"}


def log_inputs(service: Service, body: bodies.LogInputs) -> JsonObject:
    """Note the data sets and models that a run uses."""
    run_id = check_run_id(require(body.run_id, "run_id"))
    if len(body.datasets) > MAX_DATASETS:
        raise InvalidParameter(
            f"datasets has {len(body.datasets):,} entries; accepted: up to {MAX_DATASETS:,}."
        )
    datasets = [_dataset(input_) for input_ in body.datasets]
    with service.database.write() as session:
        run = runs.locate(session, run_id)
        external_runs.add_datasets(session, run, datasets)
        logged_models.add_links(session, run, "input", _models(body.models))
    return {}


def log_outputs(service: Service, body: bodies.LogOutputs) -> JsonObject:
    """Note the models that a run makes."""
    run_id = require(body.run_id, "run_id")
    with service.database.write() as session:
        run = runs.locate(session, run_id)
        logged_models.add_links(session, run, "output", _models(body.models))
    return {}


def log_model(service: Service, body: bodies.OfRun) -> JsonObject:
    """Add a description of a model to a tag of its run, as clients before 3.0 do."""
    run_id = require_run(body.run_id, body.run_uuid)
    description = _description(require(body.model_json, "model_json"))
    with service.database.write() as session:
        run = runs.locate(session, run_id)
        tags = curation.tags_of(session, "run", [run.run_id])[run.run_id]
        history = json.dumps([*json.loads(tags.get(HISTORY_TAG, "[]")), description])
        if len(history) > MAX_HISTORY_CHARACTERS:
            raise InvalidParameter(f"Run {run_id} has too many descriptions of models.")
        external_runs.set_tags(session, run, {HISTORY_TAG: history})
    return {}


def _dataset(input_: bodies.DatasetInput) -> Dataset:
    """Return a data set with what it was used for. Raises InvalidParameter."""
    dataset = input_.dataset or bodies.Dataset()
    for field, limit in LIMITS.items():
        if len(getattr(dataset, field) or "") > limit:
            raise InvalidParameter(
                f"dataset.{field} has {len(getattr(dataset, field)):,} characters; accepted: up to "
                f"{limit:,}."
            )
    tags = {require(tag.key, "tags.key"): tag.value for tag in input_.tags}
    details = {"source_type": dataset.source_type, "source": dataset.source}
    for field in ("schema", "profile"):
        if (value := getattr(dataset, field)) is not None:
            details[field] = value
    described: JsonObject = {"dataset": details, "tags": tags}
    return Dataset(dataset.name, dataset.digest, tags.get(CONTEXT_TAG), described)


def _models(references: list[bodies.ModelReference]) -> dict[str, int]:
    """Return the steps of models. Raises InvalidParameter."""
    if len(references) > MAX_MODELS:
        raise InvalidParameter(
            f"models has {len(references):,} entries; accepted: up to {MAX_MODELS:,}."
        )
    return {require(model.model_id, "model_id"): model.step for model in references}


def _description(text: str) -> JsonObject:
    """Return the fields of a model that its tag keeps. Raises InvalidParameter."""
    try:
        described = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidParameter("model_json is not JSON.") from None
    missing = REQUIRED_OF_MODEL - set(described if isinstance(described, dict) else ())
    if missing:
        raise InvalidParameter(f"model_json lacks {', '.join(sorted(missing))}.")
    kept = (*REQUIRED_OF_MODEL, "model_uuid", "model_id", "mlflow_version")
    return {field: described[field] for field in kept if field in described}


ENDPOINTS = (
    post("runs/log-inputs", bodies.LogInputs, log_inputs),
    post("runs/outputs", bodies.LogOutputs, log_outputs),
    post("runs/log-model", bodies.OfRun, log_model),
)

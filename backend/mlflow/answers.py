"""Experiments, runs and metrics as MLflow's clients read them.

Empty lists are left out. NaN is the text "NaN", and an infinite value is the largest number that a
float64 can hold, as in MLflow's own server.
"""

from collections.abc import Iterable, Mapping
from sys import float_info

from backend.specification.params import JsonObject
from backend.store.external_data import RunData, RunInfo
from backend.store.external_runs import Dataset
from backend.store.external_search import ARTIFACT_SCHEME, DEFAULT_NAME, NAME_TAG, RUNNING
from backend.store.tables import Experiment

DEFAULT_ID = "0"
CONTEXT_TAG = "mlflow.data.context"


def public_id(experiment_id: int, name: str) -> str:
    """Return the id by which clients name an experiment."""
    return DEFAULT_ID if name == DEFAULT_NAME else str(experiment_id)


def number(value: float | None) -> float | str:
    """Return a value of a metric; None stands for NaN."""
    if value is None or value != value:
        return "NaN"
    return max(-float_info.max, min(float_info.max, value))


def pairs(entries: Mapping[str, str]) -> list[JsonObject]:
    """Return params or tags."""
    return [{"key": key, "value": value} for key, value in entries.items()]


def experiment_answer(experiment: Experiment, tags: Mapping[str, str]) -> JsonObject:
    """Return an experiment with its tags."""
    id_ = public_id(experiment.id, experiment.name)
    return without_empty_lists({
        "experiment_id": id_,
        "name": experiment.name,
        "artifact_location": f"{ARTIFACT_SCHEME}{id_}",
        "lifecycle_stage": stage(experiment.deleted_at),
        "last_update_time": experiment.deleted_at or experiment.created_at,
        "creation_time": experiment.created_at,
        "tags": pairs(tags),
        "workspace": "default",
    })  # fmt: skip


def stage(*deleted_at: int | None) -> str:
    """Return the stage in the life of a run or experiment."""
    return "active" if all(time is None for time in deleted_at) else "deleted"


def info_answer(info: RunInfo) -> JsonObject:
    """Return the state of a run."""
    experiment_id = public_id(info.experiment_id, info.experiment_name)
    answer: JsonObject = {
        "run_uuid": info.external_id,
        "experiment_id": experiment_id,
        "run_name": info.name,
        "user_id": info.user,
        "status": info.client_status or RUNNING,
        "start_time": info.start_time or 0,
        "artifact_uri": f"{ARTIFACT_SCHEME}{experiment_id}/{info.external_id}/artifacts",
        "lifecycle_stage": stage(info.deleted_at, info.experiment_deleted_at),
        "run_id": info.external_id,
    }
    return answer if info.end_time is None else {**answer, "end_time": info.end_time}


def run_answer(run: RunData) -> JsonObject:
    """Return a run with its last metrics, params, tags, inputs and outputs."""
    metrics = [
        {
            "key": metric.key,
            "value": number(metric.value),
            "timestamp": metric.timestamp,
            "step": metric.step,
        }
        for metric in run.metrics
    ]
    tags = {**run.tags, NAME_TAG: run.info.name}
    inputs = [{"model_id": link.model_id} for link in run.models if link.role == "input"]
    outputs = [
        {"model_id": link.model_id, "step": link.step}
        for link in run.models
        if link.role == "output"
    ]
    data = {"metrics": metrics, "params": pairs(run.params), "tags": pairs(tags)}
    datasets = [dataset_answer(dataset) for dataset in run.datasets]
    return {
        "info": info_answer(run.info),
        "data": without_empty_lists(data),
        "inputs": without_empty_lists({"dataset_inputs": datasets, "model_inputs": inputs}),
        "outputs": without_empty_lists({"model_outputs": outputs}),
    }


def model_uri(experiment_id: str, model_id: str) -> str:
    """Return where clients store the files of a logged model."""
    return f"{ARTIFACT_SCHEME}{experiment_id}/models/{model_id}/artifacts"


def dataset_answer(dataset: Dataset) -> JsonObject:
    """Return a data set that a run used, and what for."""
    tags = pairs(dataset.details.get("tags", {}))
    details = dataset.details.get("dataset", {})
    described = {"name": dataset.name, "digest": dataset.digest, **details}
    return without_empty_lists({"tags": tags, "dataset": described})


def without_empty_lists(fields: JsonObject) -> JsonObject:
    """Return the fields without lists that are empty, as the protocol has them."""
    return {name: value for name, value in fields.items() if value != []}


def paged(name: str, entries: Iterable[object], next_page_token: str | None) -> JsonObject:
    """Return a page of a result, with the token of the next one if there is one."""
    fields = without_empty_lists({name: list(entries)})
    return {**fields, "next_page_token": next_page_token} if next_page_token else fields

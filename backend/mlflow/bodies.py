"""Fields of the requests, as their clients send them.

Every field may be missing, as in the protocol; `names.require` checks those that are required.
Unknown fields are ignored. Integers may be text, and numbers may be "NaN" or "Infinity". Times are
in milliseconds since 1970. Nearly all requests about runs send the id of the run twice.
"""

from msgspec import Struct


class KeyValue(Struct):
    """A param or a tag."""

    key: str | None = None
    value: str = ""


class LoggedMetric(Struct):
    """A point of a metric, maybe of a logged model on a data set."""

    key: str | None = None
    value: float | None = None
    timestamp: int | None = None
    step: int = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class CreateExperiment(Struct):
    """A new experiment."""

    name: str | None = None
    artifact_location: str | None = None
    tags: list[KeyValue] = []


class NamedExperiment(Struct):
    """A request for the experiment with a name."""

    experiment_name: str | None = None


class OfExperiment(Struct):
    """A request about an experiment, with the fields that some of them have."""

    experiment_id: str | None = None
    new_name: str | None = None
    key: str | None = None
    value: str = ""


class SearchExperiments(Struct):
    """A search for experiments."""

    max_results: int | None = None
    page_token: str | None = None
    filter: str = ""
    order_by: list[str] = []
    view_type: str | int | None = None


class CreateRun(Struct):
    """A new run."""

    experiment_id: str | None = None
    user_id: str = ""
    run_name: str | None = None
    start_time: int = 0
    tags: list[KeyValue] = []


class OfRun(Struct):
    """A request about a run, with the fields that some of them have."""

    run_id: str | None = None
    run_uuid: str | None = None
    key: str | None = None
    value: str = ""
    status: str | int | None = None
    end_time: int | None = None
    run_name: str | None = None
    path: str | None = None
    page_token: str | None = None
    model_json: str | None = None


class LogMetric(LoggedMetric):
    """One point, and the run that it belongs to."""

    run_id: str | None = None
    run_uuid: str | None = None


class LogBatch(Struct):
    """Points, params and tags of one run."""

    run_id: str | None = None
    metrics: list[LoggedMetric] = []
    params: list[KeyValue] = []
    tags: list[KeyValue] = []


class SearchRuns(Struct):
    """A search for runs."""

    experiment_ids: list[str] = []
    filter: str = ""
    run_view_type: str | int | None = None
    max_results: int = 1000
    order_by: list[str] = []
    page_token: str | None = None


class History(Struct):
    """A request for the values of a metric of a run."""

    run_id: str | None = None
    run_uuid: str | None = None
    metric_key: str | None = None
    max_results: int | None = None
    page_token: str | None = None


class HistoryInterval(Struct):
    """A request for values of a metric of several runs between two steps."""

    run_ids: list[str] = []
    metric_key: str | None = None
    start_step: int | None = None
    end_step: int | None = None
    max_results: int = 2500


class Dataset(Struct):
    """A data set as its client describes it; schema and profile are JSON as text."""

    name: str = ""
    digest: str = ""
    source_type: str = ""
    source: str = ""
    schema: str | None = None
    profile: str | None = None


class DatasetInput(Struct):
    """A data set that a run uses, with tags that say what for."""

    dataset: Dataset | None = None
    tags: list[KeyValue] = []


class ModelReference(Struct):
    """A logged model that a run uses or makes."""

    model_id: str | None = None
    step: int = 0


class LogInputs(Struct):
    """Data sets and models that a run uses."""

    run_id: str | None = None
    datasets: list[DatasetInput] = []
    models: list[ModelReference] = []


class LogOutputs(Struct):
    """Models that a run makes."""

    run_id: str | None = None
    models: list[ModelReference] = []


class CreateModel(Struct):
    """A new logged model."""

    experiment_id: str | None = None
    name: str | None = None
    model_type: str = ""
    source_run_id: str = ""
    params: list[KeyValue] = []
    tags: list[KeyValue] = []


class OfModel(Struct):
    """A request about a logged model, with the fields that some of them have."""

    model_id: str | None = None
    status: str | int | None = None
    params: list[KeyValue] = []
    tags: list[KeyValue] = []
    allow_deleted: str = "false"
    artifact_directory_path: str | None = None


class ModelOrder(Struct):
    """A column to sort logged models by."""

    field_name: str = ""
    ascending: bool = True


class ModelDataset(Struct):
    """A data set on which metrics of logged models were measured."""

    dataset_name: str = ""
    dataset_digest: str | None = None


class SearchModels(Struct):
    """A search for logged models."""

    experiment_ids: list[str] = []
    filter: str = ""
    datasets: list[ModelDataset] = []
    max_results: int | None = None
    order_by: list[ModelOrder] = []
    page_token: str | None = None


class Nothing(Struct):
    """A request without fields."""

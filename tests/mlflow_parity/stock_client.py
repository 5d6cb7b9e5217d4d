"""Calls of MLflow's own client, run by a Python that has MLflow, with MLFLOW_TRACKING_URI set.

Prints ``{step: outcome}`` as JSON. It works with clients from 2.0 on, so it leaves out what those
lack.
"""

import json
import math
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import mlflow
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException

outcomes: dict[str, object] = {}
client = mlflow.MlflowClient()


def step(call: Callable[[], object]) -> None:
    """Record the result of a call under its name, or the code of the error that it raised."""
    name = call.__name__.replace("_", " ")
    try:
        outcomes[name] = call()
    except MlflowException as error:
        outcomes[name] = f"raised {error.error_code}"


@step
def set_experiment() -> object:
    experiment = mlflow.set_experiment("stock client")
    return [experiment.name, experiment.lifecycle_stage]


@step
def set_experiment_again() -> object:
    return mlflow.set_experiment("stock client").name


@step
def run_with_everything() -> object:
    with mlflow.start_run(run_name="all") as run:
        mlflow.log_param("width", 32)
        mlflow.log_params({f"p{number}": number for number in range(150)})
        mlflow.log_metric("loss", 0.5, step=0)
        for number in range(1, 20):
            mlflow.log_metrics({"loss": 1 / number, "val_loss": 2 / number}, step=number)
        mlflow.set_tag("team", "vision")
        mlflow.set_tags({"a": "1", "b": "2"})
        mlflow.log_metric("odd", math.nan)
        mlflow.log_metric("endless", math.inf)
    data = client.get_run(run.info.run_id).data
    info = client.get_run(run.info.run_id).info
    own = ("mlflow.", "overfit.")  # tags that a client or a server sets by itself
    tags = {key: value for key, value in data.tags.items() if not key.startswith(own)}
    return [repr(sorted(data.metrics.items())), sorted(data.params.items()), sorted(tags.items()),
            info.status, info.lifecycle_stage, info.run_name]  # fmt: skip


def the_run() -> str:
    experiment = client.get_experiment_by_name("stock client")
    found = client.search_runs([experiment.experiment_id], "tags.team = 'vision'")
    return str(found[0].info.run_id)


@step
def history() -> object:
    return [(metric.step, metric.value) for metric in client.get_metric_history(the_run(), "loss")]


@step
def history_of_nothing() -> object:
    return len(client.get_metric_history(the_run(), "nothing"))


@step
def changed_param() -> object:
    return client.log_param(the_run(), "width", 64)


@step
def long_key() -> object:
    return client.log_metric(the_run(), "k" * 251, 1)


@step
def large_batch() -> object:
    metrics = [Metric("batch", number / 7, 1000 + number, number) for number in range(1000)]
    client.log_batch(the_run(), metrics=metrics)
    return len(client.get_metric_history(the_run(), "batch"))


@step
def params_and_tags_in_a_batch() -> object:
    params, tags = [Param("lr", "0.1")], [RunTag("c", "3")]
    client.log_batch(the_run(), params=params, tags=tags)
    data = client.get_run(the_run()).data
    return [data.params["lr"], data.tags["c"]]


@step
def nested_runs() -> object:
    with mlflow.start_run(run_name="parent") as parent:
        for number in range(3):
            with mlflow.start_run(run_name=f"child {number}", nested=True):
                mlflow.log_metric("loss", number)
    text = f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
    found = client.search_runs([parent.info.experiment_id], text, order_by=["metrics.loss DESC"])
    return [run.info.run_name for run in found]


@step
def failed_run() -> object:
    try:
        with mlflow.start_run(run_name="fails") as run:
            raise ValueError
    except ValueError:
        return client.get_run(run.info.run_id).info.status


@step
def continued_run() -> object:
    with mlflow.start_run(run_id=the_run()) as run:
        mlflow.log_metric("later", 1)
    return client.get_run(run.info.run_id).data.metrics["later"]


@step
def artifacts() -> object:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model", "weights.bin")
        path.parent.mkdir()
        path.write_bytes(bytes(range(256)) * 1000)
        client.log_artifacts(the_run(), folder)
        client.log_artifact(the_run(), str(path), "copies")
    listed = [(file.path, file.is_dir, file.file_size) for file in client.list_artifacts(the_run())]
    inner = [(file.path, file.file_size) for file in client.list_artifacts(the_run(), "model")]
    return [listed, inner]


@step
def downloaded_artifact() -> object:
    with tempfile.TemporaryDirectory() as folder:
        path = client.download_artifacts(the_run(), "model/weights.bin", folder)
        return Path(path).read_bytes() == bytes(range(256)) * 1000


@step
def text_and_dict() -> object:
    client.log_text(the_run(), "hello", "notes/hello.txt")
    client.log_dict(the_run(), {"a": 1}, "config.json")
    with tempfile.TemporaryDirectory() as folder:
        return Path(client.download_artifacts(the_run(), "notes", folder), "hello.txt").read_text()


@step
def missing_artifact() -> object:
    with tempfile.TemporaryDirectory() as folder:
        try:
            return client.download_artifacts(the_run(), "nothing.txt", folder)
        except (MlflowException, OSError):  # depends on the version of the client
            return "raised"


@step
def deleted_and_restored_run() -> object:
    client.delete_run(the_run())
    experiment = client.get_experiment_by_name("stock client")
    deleted = client.search_runs([experiment.experiment_id], run_view_type=ViewType.DELETED_ONLY)
    client.restore_run(deleted[0].info.run_id)
    return [len(deleted), client.get_run(the_run()).info.lifecycle_stage]


@step
def searched_pages() -> object:
    experiment = client.get_experiment_by_name("stock client")
    names: list[str] = []
    token = None
    while True:
        page = client.search_runs([experiment.experiment_id], max_results=2, page_token=token,
                                  order_by=["attributes.start_time ASC"])  # fmt: skip
        names += [run.info.run_name for run in page]
        token = page.token
        if not token:
            return sorted(names)


@step
def bad_filter() -> object:
    experiment = client.get_experiment_by_name("stock client")
    return client.search_runs([experiment.experiment_id], "metrics.loss LIKE 'a'")


@step
def experiments() -> object:
    id_ = client.create_experiment("second", tags={"a": "1"})
    client.set_experiment_tag(id_, "b", "2")
    client.rename_experiment(id_, "second, renamed")
    found = client.search_experiments(filter_string="name LIKE 'second%'")
    return [(experiment.name, experiment.tags) for experiment in found]


@step
def same_experiment_twice() -> object:
    return client.create_experiment("second, renamed")


@step
def deleted_experiment() -> object:
    experiment = client.get_experiment_by_name("second, renamed")
    client.delete_experiment(experiment.experiment_id)
    return client.get_experiment(experiment.experiment_id).lifecycle_stage


@step
def set_deleted_experiment() -> object:
    return mlflow.set_experiment("second, renamed").name


@step
def unknown_run() -> object:
    return client.get_run("f" * 32)


@step
def unknown_experiment() -> object:
    return client.get_experiment("999999")


@step
def default_experiment() -> object:
    run = client.create_run("0")
    client.set_terminated(run.info.run_id, "KILLED")
    return [run.info.experiment_id, client.get_run(run.info.run_id).info.status]


@step
def deleted_tag() -> object:
    client.delete_tag(the_run(), "a")
    return "a" in client.get_run(the_run()).data.tags


@step
def deleted_tag_again() -> object:
    return client.delete_tag(the_run(), "a")


if __name__ == "__main__":
    json.dump(outcomes, sys.stdout)

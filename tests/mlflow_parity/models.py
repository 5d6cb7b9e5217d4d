"""Inputs and outputs of runs, and the logged models that autologging needs."""

from typing import Any

from tests.mlflow_parity.recording import Server


def datasets(server: Server) -> None:
    """Log data sets as inputs, twice, and see them on the run."""
    run = server.run(server.experiment("inputs"), "inputs")

    def log(what: str, *inputs: object, **fields: object) -> None:
        server.post(what, "runs/log-inputs", {"run_id": run, "datasets": inputs, **fields})

    log("one", _dataset("iris", context="train"))
    log("again", _dataset("iris", context="train"))
    log("two", _dataset("digits"), _dataset("moons", schema='{"a": 1}', profile='{"rows": 5}'))
    log("none")
    log("no name", {"dataset": {"digest": "d", "source_type": "local", "source": "s"}})
    log("no data set", {"tags": []})
    log("name is too long", _dataset("n" * 501))
    log("not a list", datasets="iris")
    server.post("unknown run", "runs/log-inputs", {"run_id": "f" * 32, "datasets": []})
    server.post("no run", "runs/log-inputs", {"datasets": []})
    server.get("on the run", "runs/get", {"run_id": run})


def models(server: Server) -> None:
    """Create, finish, describe, find and delete logged models."""
    experiment = server.experiment("models")
    run = server.run(experiment, "models")
    body = {
        "experiment_id": experiment,
        "name": "net",
        "model_type": "classifier",
        "source_run_id": run,
        "params": [{"key": "width", "value": "32"}],
        "tags": [{"key": "team", "value": "vision"}],
    }
    model = _create(server, "create", body)
    nameless = _create(server, "without a name", {"experiment_id": experiment})
    server.post("unknown experiment", "logged-models", {"experiment_id": "999999", "name": "a"})
    server.post("no experiment", "logged-models", {"name": "a"})
    server.post("bad name", "logged-models", {"experiment_id": experiment, "name": "a/b:c"})
    path = f"logged-models/{model}"
    server.get("read", path)
    server.get("read unknown", "logged-models/m-unknown")
    ready = {"model_id": model, "status": "LOGGED_MODEL_READY"}
    server.send("finish", "PATCH", path, json=ready)
    server.send("finish unknown", "PATCH", "logged-models/m-unknown", json=ready)
    server.send("unknown status", "PATCH", path, json={**ready, "status": "LOST"})
    server.send("no status", "PATCH", path, json={"model_id": model})
    tags = {"tags": [{"key": "team", "value": "text"}, {"key": "b", "value": "2"}]}
    server.send("tags", "PATCH", f"{path}/tags", json={"model_id": model, **tags})
    server.send("delete tag", "DELETE", f"{path}/tags/b")
    server.send("delete tag again", "DELETE", f"{path}/tags/b")
    params = {"model_id": model, "params": [{"key": "depth", "value": "2"}]}
    server.post("params", f"{path}/params", params)
    server.post("metric of it", "runs/log-metric", {
        "run_id": run, "key": "acc", "value": 0.5, "timestamp": 1, "step": 3, "model_id": model
    })  # fmt: skip
    server.get("described", path)
    outputs = {"run_id": run, "models": [{"model_id": model, "step": 3}]}
    server.post("output of a run", "runs/outputs", outputs)
    server.post("output of unknown run", "runs/outputs", {**outputs, "run_id": "f" * 32})
    inputs = {"run_id": run, "models": [{"model_id": model}]}
    server.post("input of a run", "runs/log-inputs", inputs)
    server.get("on the run", "runs/get", {"run_id": run})
    server.post("search", "logged-models/search", {"experiment_ids": [experiment]})
    server.post("search by name", "logged-models/search", {
        "experiment_ids": [experiment], "filter": "name = 'net'"
    })  # fmt: skip
    server.post("search first", "logged-models/search", {
        "experiment_ids": [experiment], "max_results": 1,
        "order_by": [{"field_name": "creation_timestamp_ms", "ascending": True}],
    })  # fmt: skip
    server.post("search nowhere", "logged-models/search", {"experiment_ids": []})
    server.send("delete", "DELETE", f"logged-models/{nameless}")
    server.get("read deleted", f"logged-models/{nameless}")
    server.post("search after", "logged-models/search", {"experiment_ids": [experiment]})
    description = '{"artifact_path": "m", "flavors": {}, "utc_time_created": "2026", "run_id": "r"}'
    server.post("log model", "runs/log-model", {"run_id": run, "model_json": description})
    server.post("log model, not JSON", "runs/log-model", {"run_id": run, "model_json": "{"})
    server.post("log model, fields missing", "runs/log-model", {"run_id": run, "model_json": "{}"})


def _create(server: Server, what: str, body: dict[str, Any]) -> str:
    created = server.post(what, "logged-models", body)
    id_ = str(created.get("model", {}).get("info", {}).get("model_id", "none"))
    server.alias(id_, f"<model {what}>")
    server.rename_ids(what, created)
    return id_


def _dataset(name: str, context: str = "", **fields: str) -> dict[str, object]:
    tags = [{"key": "mlflow.data.context", "value": context}] if context else []
    dataset = {"name": name, "digest": "d1", "source_type": "local", "source": "{}", **fields}
    return {"dataset": dataset, "tags": tags}


SCENARIOS = (datasets, models)

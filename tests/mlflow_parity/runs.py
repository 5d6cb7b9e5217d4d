"""Runs: create, update, read, delete, restore, tags, and their place in an experiment."""

from tests.mlflow_parity.recording import Server


def create(server: Server) -> None:
    """Create runs, valid and not."""
    id_ = server.experiment("runs")

    def new(what: str, **fields: object) -> None:
        created = server.post(what, "runs/create", fields)
        run_id = created.get("run", {}).get("info", {}).get("run_id", "")
        server.alias(run_id, "<a run>")
        server.rename_ids(what, created)

    new("named", experiment_id=id_, run_name="first", start_time=1234)
    new("without a name", experiment_id=id_, start_time=5)
    new("without a time", experiment_id=id_, run_name="timeless")
    new("time is text", experiment_id=id_, run_name="text", start_time="1700000000000")
    new("time is a word", experiment_id=id_, run_name="word", start_time="soon")
    new("user", experiment_id=id_, run_name="u", start_time=1, user_id="ada")
    name_tag = [{"key": "mlflow.runName", "value": "tag name"}]
    new("name from tag", experiment_id=id_, start_time=1, tags=name_tag)
    new("same name twice", experiment_id=id_, run_name="tag name", start_time=1, tags=name_tag)
    new("two names", experiment_id=id_, run_name="other", start_time=1, tags=name_tag)
    new("default experiment", experiment_id="0", run_name="d", start_time=1)
    new("no experiment", run_name="n", start_time=1)
    new("unknown experiment", experiment_id="999999", run_name="n", start_time=1)
    new("experiment is a word", experiment_id="iris", run_name="n", start_time=1)
    new("experiment is a number", experiment_id=12345, run_name="n", start_time=1)
    new("unknown field", experiment_id=id_, run_name="future", start_time=1, color="red")
    tags = [{"key": "mlflow.parentRunId", "value": "p"}, {"key": "mlflow.user", "value": "ada"}]
    new("tags", experiment_id=id_, run_name="tagged", start_time=1, tags=tags)


def update(server: Server) -> None:
    """Change status, end time and name."""
    run = server.run(server.experiment("updates"), "original")

    def change(what: str, **fields: object) -> None:
        server.post(what, "runs/update", {"run_id": run, **fields})

    server.get("new", "runs/get", {"run_id": run})
    for status in ("SCHEDULED", "FINISHED", "FAILED", "KILLED", "RUNNING"):
        change(f"to {status}", status=status)
    change("unknown status", status="SLEEPING")
    change("status is a number", status=3)
    change("end", status="FINISHED", end_time=2000)
    change("end time is text", end_time="3000")
    change("end time is a word", end_time="late")
    change("name", run_name="renamed")
    change("empty name", run_name="")
    change("nothing")
    server.get("changed", "runs/get", {"run_id": run})
    server.post("uuid only", "runs/update", {"run_uuid": run, "status": "FAILED"})
    server.post("unknown run", "runs/update", {"run_id": "f" * 32, "status": "FAILED"})
    server.post("no run", "runs/update", {"status": "FAILED"})
    server.get("by uuid", "runs/get", {"run_uuid": run})
    server.get("unknown", "runs/get", {"run_id": "f" * 32})
    server.get("odd id", "runs/get", {"run_id": "../etc"})
    server.get("no id", "runs/get")
    server.post("log after the end", "runs/log-metric", _metric(run))


def delete_and_restore(server: Server) -> None:
    """Delete a run, see what it refuses, restore it."""
    run = server.run(server.experiment("deletions"), "deleted")
    server.post("delete", "runs/delete", {"run_id": run})
    server.get("read", "runs/get", {"run_id": run})
    server.post("delete again", "runs/delete", {"run_id": run})
    server.post("metric", "runs/log-metric", _metric(run))
    server.post("param", "runs/log-parameter", {"run_id": run, "key": "a", "value": "1"})
    server.post("tag", "runs/set-tag", {"run_id": run, "key": "a", "value": "1"})
    server.post("delete tag", "runs/delete-tag", {"run_id": run, "key": "mlflow.runName"})
    server.post("batch", "runs/log-batch", {"run_id": run, "params": [{"key": "a", "value": "1"}]})
    server.post("empty batch", "runs/log-batch", {"run_id": run})
    server.post("update", "runs/update", {"run_id": run, "status": "FAILED"})
    server.post("restore", "runs/restore", {"run_id": run})
    server.post("restore again", "runs/restore", {"run_id": run})
    server.post("metric again", "runs/log-metric", _metric(run))
    server.get("read again", "runs/get", {"run_id": run})
    server.post("delete unknown", "runs/delete", {"run_id": "f" * 32})
    server.post("restore unknown", "runs/restore", {"run_id": "f" * 32})
    server.post("delete without id", "runs/delete", {})


def tags(server: Server) -> None:
    """Set, replace and delete tags of a run."""
    run = server.run(server.experiment("run tags"), "tagged")

    def tag(what: str, **fields: object) -> None:
        server.post(what, "runs/set-tag", {"run_id": run, **fields})

    tag("set", key="a", value="1")
    tag("replace", key="a", value="2")
    tag("empty value", key="empty", value="")
    tag("no value", key="none")
    tag("no key", value="1")
    tag("value is a number", key="number", value=5)
    tag("longest key", key="k" * 250, value="1")
    tag("key is too long", key="k" * 251, value="1")
    tag("longest value", key="long", value="v" * 8000)
    tag("value is cut", key="cut", value="v" * 8001)
    tag("bad key", key="a$b", value="1")
    tag("key with a slash", key="a/b", value="1")
    tag("key with two slashes", key="a//b", value="1")
    tag("key leads out", key="../a", value="1")
    tag("key is a dot", key=".", value="1")
    tag("key with a colon", key="a:b", value="1")
    tag("key in other letters", key="größe", value="测试")
    tag("name", key="mlflow.runName", value="renamed by tag")
    server.get("all", "runs/get", {"run_id": run})
    server.post("uuid", "runs/set-tag", {"run_uuid": run, "key": "u", "value": "1"})
    server.post("unknown run", "runs/set-tag", {"run_id": "f" * 32, "key": "a", "value": "1"})
    server.post("delete", "runs/delete-tag", {"run_id": run, "key": "a"})
    server.post("delete again", "runs/delete-tag", {"run_id": run, "key": "a"})
    server.post("delete without key", "runs/delete-tag", {"run_id": run})
    server.post("delete of unknown run", "runs/delete-tag", {"run_id": "f" * 32, "key": "a"})
    server.get("rest", "runs/get", {"run_id": run})


def _metric(run: str) -> dict[str, object]:
    return {"run_id": run, "key": "loss", "value": 0.5, "timestamp": 1, "step": 1}


SCENARIOS = (create, update, delete_and_restore, tags)

"""Requests with a wrong media type, JSON, method or path, and the probes of clients."""

import json

from tests.mlflow_parity.recording import Server

JSON = {"content-type": "application/json"}


def bodies(server: Server) -> None:
    """Send bodies that are not an object, not JSON, or JSON in JSON."""
    run = server.run(server.experiment("bodies"), "bodies")
    metric = {"run_id": run, "key": "loss", "value": 0.5, "timestamp": 1, "step": 1}

    def send(what: str, content: bytes, headers: dict[str, str], path: str = "log-metric") -> None:
        server.send(what, "POST", f"runs/{path}", content=content, headers=headers)

    plain = json.dumps(metric).encode()
    send("charset", plain, {"content-type": "application/json; charset=utf-8"})
    send("no media type", plain, {})
    send("text", plain, {"content-type": "text/plain"})
    send("form", plain, {"content-type": "application/x-www-form-urlencoded"})
    send("JSON in JSON", json.dumps(json.dumps(metric)).encode(), JSON)
    batch = {"run_id": run, "metrics": [{key: metric[key] for key in metric if key != "run_id"}]}
    send("batch in JSON", json.dumps(json.dumps(batch)).encode(), JSON, "log-batch")
    send("not JSON", b"{run_id", JSON)
    send("empty", b"", JSON)
    send("null", b"null", JSON)
    send("list", b"[]", JSON)
    send("number", b"5", JSON)
    send("NaN as a number", plain.replace(b"0.5", b"NaN"), JSON)
    send("infinity as a number", plain.replace(b"0.5", b"Infinity"), JSON)
    send("number beyond all", plain.replace(b"0.5", b"1e999"), JSON)
    send("not JSON, batch", b"{run_id", JSON, "log-batch")
    send("not UTF-8", b'{"run_id": "\xff"}', JSON)
    send("batch as text", plain, {"content-type": "text/plain"}, "log-batch")
    send("run is a number", json.dumps({**metric, "run_id": 5}).encode(), JSON)
    send("key is a number", json.dumps({**metric, "key": 5}).encode(), JSON)
    send("camel case", json.dumps({**metric, "runId": run, "run_id": None}).encode(), JSON)
    send("field twice", plain[:-1] + b', "key": "second"}', JSON)
    server.get("result", "runs/get", {"run_id": run})


def paths(server: Server) -> None:
    """Ask for paths and methods that do not exist, and under the other prefixes."""
    server.get("unknown path", "nothing")
    server.post("unknown path by POST", "runs/nothing", {})
    server.send("wrong method", "DELETE", "runs/get")
    server.send("GET of a POST", "GET", "runs/create")
    for prefix in ("/ajax-api/2.0/mlflow/", "/api/2.0/mlflow/"):
        query = {"experiment_id": "0"}
        server.get(f"prefix {prefix}", "experiments/get", query, prefix=prefix)
    server.get("health", "health", prefix="/")


SCENARIOS = (bodies, paths)

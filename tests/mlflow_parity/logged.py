"""Metrics, params and batches, valid and not, and the histories that they form."""

from typing import Any

from tests.mlflow_parity.recording import NO_TOKEN, Server

BEYOND_THE_END = "eyJvZmZzZXQiOiA5OTk5fQ=="  # {"offset": 9999}


def metric(server: Server) -> None:
    """Log single metrics, valid and not."""
    run = server.run(server.experiment("metrics"), "metrics")

    def log(what: str, **fields: object) -> None:
        server.post(what, "runs/log-metric", {"run_id": run, "timestamp": 1, **fields})

    log("plain", key="loss", value=0.5, step=1)
    log("no step", key="stepless", value=0.5)
    log("step is text", key="text", value=0.5, step="7", timestamp="1700000000000")
    log("value is text", key="text", value="0.25", step=8)
    log("value is a word", key="word", value="high")
    log("value is true", key="truth", value=True)
    log("value is null", key="null", value=None)
    log("value is zero", key="zero", value=0)
    log("no value", key="none")
    log("no key", value=1)
    log("key is empty", key="", value=1)
    log("NaN", key="nan", value="NaN", step=1)
    log("infinity", key="inf", value="Infinity", step=1)
    log("minus infinity", key="inf", value="-Infinity", step=2)
    log("step below zero", key="negative", value=1, step=-5)
    log("step is a fraction", key="fraction", value=1, step=1.5)
    log("step is a whole float", key="fraction", value=1, step=2.0)
    log("largest step", key="large", value=1, step=2**63 - 1)
    log("step is too large", key="large", value=1, step=2**63)
    log("time below zero", key="early", value=1, timestamp=-1)
    log("longest key", key="k" * 250, value=1)
    log("key is too long", key="k" * 251, value=1)
    log("bad key", key="a$b", value=1)
    log("key with a slash", key="val/loss", value=1)
    log("key leads out", key="../../loss", value=1)
    log("key is absolute", key="/loss", value=1)
    log("key ends with a slash", key="loss/", value=1)
    log("key with spaces", key="val loss (best)".replace("(", "").replace(")", ""), value=1)
    server.post("no timestamp", "runs/log-metric", {"run_id": run, "key": "a", "value": 1})
    server.post("no run", "runs/log-metric", {"key": "a", "value": 1, "timestamp": 1})
    body = {"run_uuid": run, "key": "uuid", "value": 1, "timestamp": 1}
    server.post("uuid only", "runs/log-metric", body)
    server.post("unknown run", "runs/log-metric", {**body, "run_uuid": "f" * 32})
    server.get("all", "runs/get", {"run_id": run})


def param(server: Server) -> None:
    """Log single params, valid and not; a value never changes."""
    run = server.run(server.experiment("params"), "params")

    def log(what: str, **fields: object) -> None:
        server.post(what, "runs/log-parameter", {"run_id": run, **fields})

    log("plain", key="width", value="32")
    log("same value", key="width", value="32")
    log("other value", key="width", value="64")
    log("empty value", key="empty", value="")
    log("no value", key="none")
    log("no key", value="1")
    log("value is a number", key="number", value=5)
    log("longest value", key="longest", value="v" * 6000)
    log("value is cut", key="cut", value="v" * 6001)
    log("key is too long", key="k" * 251, value="1")
    log("bad key", key="a=b", value="1")
    log("value in other letters", key="größe", value="测试 \N{PERSONAL COMPUTER}")
    log("value with zero", key="nul", value="a b")
    server.post("unknown run", "runs/log-parameter", {"run_id": "f" * 32, "key": "a", "value": "1"})
    server.get("all", "runs/get", {"run_id": run})


def batch(server: Server) -> None:
    """Log batches: limits at the edge, duplicates, and nothing of a refused batch."""
    experiment = server.experiment("batches")
    run = server.run(experiment, "batch")

    def log(what: str, **fields: object) -> None:
        server.post(what, "runs/log-batch", {"run_id": run, **fields})

    log("empty")
    log("all kinds", metrics=points(3), params=pairs("p", 2), tags=pairs("t", 2))
    log("again", metrics=points(3), params=pairs("p", 2), tags=pairs("t", 2))
    log("other time", metrics=[{**points(1)[0], "timestamp": 99}])
    log("other value", metrics=[{**points(1)[0], "value": 99}])
    log("most metrics", metrics=points(1000, "many"))
    log("too many metrics", metrics=points(1001, "too many"))
    log("most params", params=pairs("m", 100))
    log("too many params", params=pairs("n", 101))
    log("most tags", tags=pairs("m", 100))
    log("too many tags", tags=pairs("n", 101))
    log("too much together", metrics=points(950, "x"), params=pairs("x", 51))
    log("changed param", params=[{"key": "p0", "value": "other"}], metrics=points(1, "lost"))
    log("same param twice", params=[{"key": "q", "value": "1"}, {"key": "q", "value": "1"}])
    log("same tag twice", tags=[{"key": "q", "value": "1"}, {"key": "q", "value": "2"}])
    log("one bad metric", metrics=[*points(2, "half"), {"key": "half", "value": "x"}])
    log("metric without a time", metrics=[{"key": "a", "value": 1, "step": 1}])
    log("metric without a value", metrics=[{"key": "a", "timestamp": 1, "step": 1}])
    log("metric without a key", metrics=[{"value": 1, "timestamp": 1, "step": 1}])
    log("metric with a bad key", metrics=[{**points(1)[0], "key": "a$"}], tags=pairs("lost", 1))
    log("metrics are not a list", metrics={"key": "a"})
    log("metric is not an object", metrics=["a"])
    log("param without a key", params=[{"value": "1"}])
    log("param without a value", params=[{"key": "valueless"}])
    log("numbers as text", metrics=[
        {"key": "text", "value": "0.5", "timestamp": "1700000000000", "step": "-4"}
    ])  # fmt: skip
    log("name by tag", tags=[{"key": "mlflow.runName", "value": "batch renamed"}])
    log("unknown fields", color="red", metrics=[{**points(1, "future")[0], "unit": "nat"}])
    server.get("all", "runs/get", {"run_id": run})
    server.get("loss", "metrics/get-history", {"run_id": run, "metric_key": "loss"})
    server.get("lost", "metrics/get-history", {"run_id": run, "metric_key": "lost"})
    server.get("half", "metrics/get-history", {"run_id": run, "metric_key": "half"})
    server.post("no run", "runs/log-batch", {"metrics": points(1)})
    server.post("unknown run", "runs/log-batch", {"run_id": "f" * 32, "metrics": points(1)})
    server.post("odd run", "runs/log-batch", {"run_id": "../a", "metrics": points(1)})
    server.post("uuid only", "runs/log-batch", {"run_uuid": run, "metrics": points(1)})


def history(server: Server) -> None:
    """Read histories: order, duplicates, pages, intervals of several runs."""
    experiment = server.experiment("histories")
    run, other = server.run(experiment, "history"), server.run(experiment, "other")
    values = [(5, 10, 0.5), (1, 30, 0.1), (3, 20, 0.3), (3, 20, 0.3), (3, 20, 0.2), (-2, 40, 0.9)]
    metrics = [
        {"key": "loss", "step": step, "timestamp": time, "value": value}
        for step, time, value in values
    ]
    odd = [{"key": "loss", "step": 6, "timestamp": 50, "value": value}
           for value in ("NaN", "Infinity", "-Infinity")]  # fmt: skip
    server.prepare("runs/log-batch", {"run_id": run, "metrics": metrics})
    server.prepare("runs/log-batch", {"run_id": run, "metrics": odd})
    server.prepare("runs/log-batch", {"run_id": other, "metrics": points(40)})

    def read(what: str, **fields: Any) -> str:
        query = {"run_id": run, "metric_key": "loss", **fields}
        return str(server.get(what, "metrics/get-history", query).get("next_page_token", ""))

    read("all")
    read("unknown metric", metric_key="nothing")
    read("unknown run", run_id="f" * 32)
    read("no metric", metric_key="")
    read("no results wanted", max_results=0)
    token = read("first page", max_results=4)
    token = read("second page", max_results=4, page_token=token)
    read("last page", max_results=4, page_token=token)
    read("page beyond the end", max_results=4, page_token=BEYOND_THE_END)
    read("bad token", page_token=NO_TOKEN)
    read("uuid", run_uuid=run)
    server.get("latest", "runs/get", {"run_id": run})

    def interval(what: str, **fields: Any) -> None:
        query = {"run_ids": [run, other], "metric_key": "loss", **fields}
        server.get(what, "metrics/get-history-bulk-interval", query)

    interval("interval of all")
    interval("interval of some", start_step=2, end_step=5)
    interval("interval, few", max_results=5)
    interval("interval backwards", start_step=5, end_step=2)
    interval("interval half open", start_step=5)
    interval("interval, too many", max_results=2501)
    interval("interval, none", max_results=0)
    interval("interval of no run", run_ids=[])
    interval("interval of 101 runs", run_ids=[f"{number:032x}" for number in range(101)])
    interval("interval of unknown run", run_ids=["f" * 32])
    interval("interval without metric", metric_key="")


def points(count: int, key: str = "loss") -> list[dict[str, object]]:
    """Return points of one metric at ascending steps and times."""
    return [
        {"key": key, "value": 1 / (step + 1), "timestamp": 1000 + step, "step": step}
        for step in range(count)
    ]


def pairs(prefix: str, count: int) -> list[dict[str, object]]:
    """Return keys with values."""
    return [{"key": f"{prefix}{number}", "value": str(number)} for number in range(count)]


SCENARIOS = (metric, param, batch, history)

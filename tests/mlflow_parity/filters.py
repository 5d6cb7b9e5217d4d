"""Search of runs: the filter grammar, its errors, order, views and pages."""

from typing import Any

from tests.mlflow_parity.recording import NO_TOKEN, Server

EMPTY_TOKEN = "e30="  # {}
VALID = (
    "metrics.loss < 0.3",
    "metrics.loss <= 0.25",
    "metrics.loss > 0.25",
    "metrics.loss >= 0.25",
    "metrics.loss = 0.25",
    "metrics.loss != 0.25",
    "metric.loss < 1e-1",
    "metrics.loss > -1",
    "metrics.`val/loss` < 0.5",
    'metrics."val/loss" < 0.5',
    "metrics.odd > 0",
    "metrics.odd != 0",
    "metrics.none < 1",
    "params.width = '32'",
    "param.width = '32'",
    "parameters.width != '32'",
    'params.width = "32"',
    "params.width LIKE '3%'",
    "params.name LIKE 'mlp%'",
    "params.name ILIKE 'mlp%'",
    "params.name ILIKE 'MLP_A'",
    "params.`odd key` = 'x'",
    "params.width IS NULL",
    "params.`odd key` IS NOT NULL",
    "tags.team = 'vision'",
    "tag.team != 'vision'",
    "tags.team LIKE '%ision'",
    "tags.team IS NULL",
    "tags.team IS NOT NULL",
    "tags.mlflow.runName = 'b'",
    "tags.`mlflow.runName` = 'b'",
    "run_name = 'b'",
    "attributes.run_name LIKE '%'",
    "run_name != 'b'",
    "attributes.status = 'FINISHED'",
    "status != 'FINISHED'",
    "attr.status = 'RUNNING'",
    "run.status ILIKE 'fin%'",
    "user_id = 'ada'",
    "start_time > 2000",
    "attributes.start_time <= 2000",
    "end_time < 9000",
    "created > 1000",
    "artifact_uri LIKE 'mlflow-artifacts:%'",
    "metrics.loss < 0.6 AND params.width = '32'",
    "metrics.loss < 0.6 and tags.team = 'vision' and status = 'FINISHED'",
    "metrics.loss > 0.1 AND metrics.loss < 0.4",
    "   metrics.loss   <   0.3   ",
    "metrics.loss<0.3",
    "params.quoted = 'it''s'",
    "datasets.name = 'iris'",
    "dataset.digest = 'd1'",
    "datasets.context = 'train'",
    "datasets.name IN ('iris', 'digits')",
    "datasets.name LIKE 'ir%'",
    "",
)
INVALID = (
    "metrics.loss < '0.3'",
    "metrics.loss < abc",
    "metrics.loss LIKE '0%'",
    "metrics.loss IN (0.1, 0.2)",
    "metrics.loss IS NULL",
    "metrics.loss == 0.3",
    "metrics.loss",
    "metrics.loss <",
    "< 0.3",
    "metrics < 0.3",
    "params.width = 32",
    "params.width > '3'",
    "params.width IN ('32')",
    "params.width = ''32''",
    "params.width = width",
    "tags.team = vision",
    "tags.team < 'a'",
    "status > 'FINISHED'",
    "status = FINISHED",
    "status IN ('FINISHED')",
    "start_time = 'yesterday'",
    "start_time LIKE '1%'",
    "color = 'red'",
    "attributes.color = 'red'",
    "models.name = 'a'",
    "datasets.color = 'red'",
    "metrics.loss < 0.3 OR metrics.loss > 1",
    "(metrics.loss < 0.3)",
    "NOT metrics.loss < 0.3",
    "metrics.loss < 0.3 AND",
    "metrics.loss < 0.3 params.width = '32'",
    "metrics.loss < 0.3; DROP TABLE runs",
    "run_id IN ()",
    "run_id IN ('a', 5)",
    "params.width = 'unfinished",
    "0.3 > metrics.loss",
    "'a' = 'a'",
    "hello",
    "-- comment",
)
ORDERS = (
    ["metrics.loss"],
    ["metrics.loss DESC"],
    ["metrics.loss ASC", "attributes.start_time DESC"],
    ["metrics.odd ASC"],
    ["metrics.odd DESC"],
    ["metrics.`val/loss` DESC"],
    ["params.width"],
    ["params.width DESC", "metrics.loss"],
    ["tags.team DESC"],
    ["attributes.start_time"],
    ["start_time ASC"],
    ["start_time DESC", "run_id"],
    ["end_time DESC"],
    ["status"],
    ["run_name"],
    ["metrics.none"],
    ["metrics.loss desc"],
    ["metrics.loss SIDEWAYS"],
    ["metrics.loss", "metrics.loss"],
    ["color"],
    ["metrics.loss,params.width"],
    ["metrics.loss DESC NULLS"],
    ["datasets.name"],
    [""],
)


def grammar(server: Server) -> None:
    """Search with every kind of clause, and with clauses that are wrong."""
    experiment = _filled(server)
    for text in (*VALID, *INVALID):
        _find(server, f"filter {text!r}", experiment, filter=text)
    first = next(id_ for id_, name in server.aliases.items() if name == "<run a>")
    for operator in ("=", "!=", "LIKE"):
        _find(server, f"run id {operator}", experiment, filter=f"run_id {operator} '{first}'")
    for operator in ("IN", "NOT IN"):
        text = f"attributes.run_id {operator} ('{first}', 'nothing')"
        _find(server, f"run id {operator}", experiment, filter=text)


def order(server: Server) -> None:
    """Sort by metrics, params, tags and attributes; missing values and NaN come last."""
    experiment = _filled(server)
    for columns in ORDERS:
        _find(server, f"order {columns}", experiment, order_by=columns)


def pages(server: Server) -> None:
    """Read the runs of experiments in pages and views."""
    experiment = _filled(server)
    other = server.experiment("elsewhere")
    server.run(other, "z", start_time=1500)
    token = _find(server, "first page", experiment, max_results=2)
    token = _find(server, "second page", experiment, max_results=2, page_token=token)
    _find(server, "last page", experiment, max_results=2, page_token=token)
    _find(server, "bad token", experiment, page_token=NO_TOKEN)
    _find(server, "token of nothing", experiment, page_token=EMPTY_TOKEN)
    _find(server, "exact page", experiment, max_results=5)
    _find(server, "none wanted", experiment, max_results=0)
    _find(server, "negative wanted", experiment, max_results=-3)
    _find(server, "too many wanted", experiment, max_results=50_001)
    _find(server, "most wanted", experiment, max_results=50_000)
    _find(server, "wanted is text", experiment, max_results="2")
    _find(server, "wanted is a word", experiment, max_results="two")
    for view in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL"):
        _find(server, f"view {view}", experiment, run_view_type=view)
    _find(server, "unknown view", experiment, run_view_type="SOME")
    _find(server, "two experiments", experiment, experiment_ids=[experiment, other])
    _find(server, "no experiment", experiment, experiment_ids=[])
    _find(server, "unknown experiment", experiment, experiment_ids=["999999"])
    _find(server, "experiment is a word", experiment, experiment_ids=["iris"])
    _find(server, "experiments are not a list", experiment, experiment_ids="1")
    _find(server, "order is not a list", experiment, order_by="metrics.loss")
    server.send("by GET", "GET", "runs/search", params={"experiment_ids": experiment})


def _find(server: Server, what: str, experiment: str, **fields: Any) -> str:
    body = {"experiment_ids": [experiment], **fields}
    return str(server.post(what, "runs/search", body).get("next_page_token", ""))


def _filled(server: Server) -> str:
    """Create an experiment with five active runs and a deleted one, and return its id."""
    experiment = server.experiment(f"searched for {server.scenario}")
    rows: list[tuple[str, dict[str, object], dict[str, str], dict[str, str]]] = [
        ("a", {"loss": 0.5, "val/loss": 0.6, "odd": "NaN"}, {"width": "32"}, {"team": "vision"}),
        ("b", {"loss": 0.25, "val/loss": 0.4}, {"width": "64", "name": "mlp_a"}, {"team": "text"}),
        ("c", {"loss": 0.125, "odd": 0}, {"width": "32", "name": "MLP_A"}, {}),
        ("d", {"odd": 7}, {"odd key": "x", "quoted": "it's"}, {"team": "vision"}),
        ("e", {}, {}, {}),
        ("f", {"loss": 0.25}, {"width": "32"}, {"team": "vision"}),
    ]
    for number, (name, metrics, params, tags) in enumerate(rows):
        fields = {"start_time": 1000 * (number + 1), "user_id": "ada" if number % 2 else "bob"}
        run = server.run(experiment, name, **fields)
        points = [{"key": key, "value": value, "timestamp": 1, "step": 0}
                  for key, value in metrics.items()]  # fmt: skip
        batch = {"run_id": run, "metrics": points, "params": _pairs(params), "tags": _pairs(tags)}
        server.prepare("runs/log-batch", batch)
        if number % 3 == 0:
            end = {"run_id": run, "status": "FINISHED", "end_time": 8000 + 500 * number}
            server.prepare("runs/update", end)
    server.prepare("runs/delete", {"run_id": run})
    _use_data(server, "a", "iris", "d1", "train")
    _use_data(server, "b", "digits", "d2", "eval")
    return experiment


def _use_data(server: Server, name: str, data: str, digest: str, context: str) -> None:
    run = [id_ for id_, alias in server.aliases.items() if alias == f"<run {name}>"][-1]
    dataset = {"name": data, "digest": digest, "source_type": "local", "source": "{}"}
    tags = [{"key": "mlflow.data.context", "value": context}]
    server.prepare(
        "runs/log-inputs", {"run_id": run, "datasets": [{"dataset": dataset, "tags": tags}]}
    )


def _pairs(entries: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in entries.items()]


SCENARIOS = (grammar, order, pages)

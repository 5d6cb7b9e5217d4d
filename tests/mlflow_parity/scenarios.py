"""All scenarios, and the outcomes that they had on MLflow's own server when last recorded."""

import json
from pathlib import Path
from types import ModuleType

from tests.mlflow_parity import artifacts, bad_requests, experiments, filters, logged, models, runs
from tests.mlflow_parity.recording import Http, Outcome, Server

MODULES: tuple[ModuleType, ...] = (
    experiments, runs, logged, filters, artifacts, models, bad_requests
)  # fmt: skip
RECORDED = Path(__file__).parents[1] / "data" / "mlflow_outcomes.json"
"""Written by `python -m tests.mlflow_parity --record`, so that no test needs MLflow."""
CLIENT = "client"  # begins the names of the outcomes of MLflow's own client


def run_scenarios(http: Http) -> dict[str, Outcome]:
    """Return the outcomes of all scenarios on one server, by name."""
    outcomes: dict[str, Outcome] = {}
    for module in MODULES:
        for scenario in module.SCENARIOS:
            name = f"{module.__name__.rpartition('.')[2]}, {scenario.__name__.replace('_', ' ')}"
            server = Server(http, scenario=name)
            scenario(server)
            outcomes |= server.outcomes
    return outcomes


def write_outcomes(outcomes: dict[str, Outcome]) -> None:
    """Keep the outcomes of MLflow's server."""
    lines = [
        f"{json.dumps(name)}: {json.dumps([outcome.status, outcome.body], sort_keys=True)}"
        for name, outcome in sorted(outcomes.items())
        if not name.startswith(CLIENT)
    ]
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def read_outcomes() -> dict[str, Outcome]:
    """Return the recorded outcomes of MLflow's server."""
    recorded = json.loads(RECORDED.read_text())
    return {name: Outcome(status, body) for name, (status, body) in recorded.items()}

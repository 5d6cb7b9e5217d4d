"""The outcomes of more than 500 requests are those of MLflow's own server, which were recorded."""

from tests.api import Api
from tests.mlflow_parity.scenarios import read_outcomes, run_scenarios

# By design, each with its reason in docs/tracking.md.
DIFFERENT = {
    "experiments, rename delete restore: rename deleted",
    "logged, metric: value is true",
    "logged, metric: step is a fraction",
    "logged, metric: step is too large",
    "logged, metric: all",
    "logged, batch: metric is not an object",
    "filters, order: order ['metrics.loss', 'metrics.loss']",
    "bad_requests, bodies: list",
    "bad_requests, bodies: number",
    "bad_requests, bodies: not JSON, batch",
    "bad_requests, bodies: result",
}


def test_outcomes_are_those_of_mlflow(api: Api) -> None:
    ours = run_scenarios(api.request)
    theirs = read_outcomes()
    different = {name for name in theirs if not theirs[name].agrees(ours.get(name))}
    assert different == DIFFERENT
    assert len(different) < 0.03 * len(theirs)


def test_every_refusal_is_in_the_envelope_of_mlflow(sqlite_api: Api) -> None:
    refused = [o for o in run_scenarios(sqlite_api.request).values() if o.status >= 400]
    assert refused
    assert all(isinstance(outcome.body, str) for outcome in refused)

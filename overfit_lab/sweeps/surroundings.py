"""The environment of a job: its values, and where its program logs."""

import os
from collections.abc import Mapping

from overfit_lab.sweeps.commands import environment
from overfit_lab.sweeps.service import Grant

# The first would send what a program logs elsewhere, or under another name or token.
REMOVED = (
    "MLFLOW_EXPERIMENT_NAME", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD",
    "TRACKIO_SPACE_ID",
    "PYTHONSAFEPATH",  # `lab` sets it; a program may import what is next to it
)  # fmt: skip
ANY_TOKEN = "open"  # noqa: S105 - Trackio's client insists on a token


def job_environment(grant: Grant, url: str, token: str, gpu: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a job: that of the agent, the values, and the server's URL."""
    kept = {name: value for name, value in os.environ.items() if name not in REMOVED}
    tokens = {"LAB_TOKEN": token, "MLFLOW_TRACKING_TOKEN": token} if token else {}
    return {
        **kept,
        **environment(grant.params),
        "LAB_SERVER": url,
        "LAB_RUN_ID": grant.external_id,
        "MLFLOW_TRACKING_URI": url,
        "MLFLOW_EXPERIMENT_ID": str(grant.experiment_id),
        "MLFLOW_RUN_ID": grant.external_id,
        "TRACKIO_SERVER_URL": f"{url}/trackio/{grant.external_id}",
        "TRACKIO_WRITE_TOKEN": token or ANY_TOKEN,
        "PYTHONUNBUFFERED": "1",  # so that output is shown while the program runs
        **tokens,
        **gpu,
    }

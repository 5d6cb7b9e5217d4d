"""Run the calls of MLflow's own client against a server, with any version of it."""

import json
import os
import subprocess
from pathlib import Path

from tests.mlflow_parity.recording import Outcome

SCRIPT = Path(__file__).with_name("stock_client.py")
SECONDS = 600


def run_client(python: str, url: str) -> dict[str, Outcome]:
    """Return the outcome of every step of the client that a Python has installed."""
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": url,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "GIT_PYTHON_REFRESH": "quiet",
        "PYTHONPATH": "",
    }
    process = subprocess.run(
        [python, str(SCRIPT)],
        env=environment, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    if process.returncode:
        raise RuntimeError(f"the client of {python} failed:\n{process.stderr[-3000:]}")
    steps = json.loads(process.stdout.splitlines()[-1])
    version = Path(python).parent.parent.name
    return {f"client in {version}: {name}": Outcome(0, value) for name, value in steps.items()}

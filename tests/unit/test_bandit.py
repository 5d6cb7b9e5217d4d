"""bandit finds nothing in the product that has no reason to be there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("backend", "frontend", "worker", "overfit_lab", "lab")

REFLECTED = "names of tables and columns come from the declared tables, not from a request"
OUR_PROCESS = "runs our own programs, without a shell"
USERS_COMMAND = "starts the command that the agent's own user gave it, without a shell"
EXCEPTIONS = {
    ("backend/cli/client.py", "B107"): "an empty token means that none is sent",
    ("backend/cli/sweep.py", "B404"): OUR_PROCESS,
    ("backend/cli/sweep.py", "B603"): OUR_PROCESS,
    ("backend/operations/credentials.py", "B105"): "the name of a file",
    ("backend/own_data/sandbox.py", "B404"): OUR_PROCESS,
    ("backend/own_data/sandbox.py", "B603"): OUR_PROCESS,
    ("backend/store/backup.py", "B608"): REFLECTED,
    ("backend/store/bulk.py", "B608"): REFLECTED,
    ("backend/store/metric_summaries.py", "B608"): REFLECTED,
    ("backend/store/restore.py", "B608"): REFLECTED,
    ("backend/store/restore_checks.py", "B608"): "conditions on the declared tables",
    ("backend/supervisor/programs.py", "B404"): OUR_PROCESS,
    ("backend/supervisor/programs.py", "B603"): OUR_PROCESS,
    ("backend/supervisor/urls.py", "B104"): "compared with LAB_HOST, not listened on",
    ("backend/tracking/run_names.py", "B311"): "a readable name, not a secret",
    ("backend/web/authentication.py", "B105"): "a sentence",
    ("frontend/markdown_pages.py", "B704"): "our own documentation, with HTML switched off",
    ("frontend/report.py", "B704"): "our own files, and JSON without <",
    ("overfit_lab/server.py", "B107"): "an empty token means that none is sent",
    ("overfit_lab/connection.py", "B107"): "an empty token means that none is sent",
    ("overfit_lab/sweeps/gpus.py", "B404"): "lists the GPUs of this machine",
    ("overfit_lab/sweeps/gpus.py", "B603"): "lists the GPUs of this machine, without a shell",
    ("overfit_lab/sweeps/guard.py", "B404"): USERS_COMMAND,
    ("overfit_lab/sweeps/guard.py", "B603"): USERS_COMMAND,
    ("overfit_lab/sweeps/jobs.py", "B404"): USERS_COMMAND,
    ("overfit_lab/sweeps/jobs.py", "B603"): USERS_COMMAND,
    ("overfit_lab/sweeps/service.py", "B107"): "an empty token means that none is sent",
    ("overfit_lab/sweeps/surroundings.py", "B105"): "no secret: the client insists on a value",
    ("lab", "B404"): OUR_PROCESS,
    ("lab", "B603"): OUR_PROCESS,
    ("lab", "B606"): OUR_PROCESS,
}


@pytest.mark.slow
def test_every_finding_of_bandit_has_a_reason_and_every_reason_a_finding() -> None:
    command = [sys.executable, "-m", "bandit", "-q", "-r", *SOURCES, "-f", "json"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    results = json.loads(run.stdout)["results"]
    found = {(result["filename"].removeprefix("./"), result["test_id"]) for result in results}
    assert found == set(EXCEPTIONS)

"""The command `lab import` against the running product."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.integration.test_imports import GOOD, OVERFITTING
from tests.product import ROOT


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    (tmp_path / "over.json").write_text(json.dumps(OVERFITTING))
    (tmp_path / "good.json").write_text(json.dumps(GOOD))
    (tmp_path / "broken.json").write_text("{")
    return tmp_path


def lab_import(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "backend.cli", "import", *arguments]
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_a_line_per_run_has_its_id_and_verdict(lab: str, logs: Path) -> None:
    done = lab_import(
        logs, "over.json", "good.json", "--experiment", "from the shell", "--server", lab
    )
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    number = int(first.removeprefix("Run ").split(":")[0])
    assert first == f"Run {number}: over.json: overfitting {lab}/runs/{number}"
    assert ": good.json: good fit " in second
    assert httpx.get(f"{lab}/api/runs/{number}").json()["run_name"] == "over.json"


def test_an_unreadable_file_is_one_sentence(lab: str, logs: Path) -> None:
    done = lab_import(logs, "good.json", "broken.json", "--server", lab)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("lab: broken.json: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("path", ["missing.json", "empty"])
def test_a_path_without_logs_is_named(lab: str, logs: Path, path: str) -> None:
    (logs / "empty").mkdir()
    done = lab_import(logs, path, "--server", lab)
    assert done.returncode == 2
    assert done.stderr.startswith(f"lab: {path}: ")


def test_without_a_server_the_sentence_names_lab_up(logs: Path) -> None:
    done = lab_import(logs, "good.json", "--server", "http://127.0.0.1:1")
    assert done.returncode == 2
    assert "start one with ./lab up" in done.stderr

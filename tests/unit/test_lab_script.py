"""The `lab` script: installation, refusals, and which checks `lab test` runs."""

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOST = re.compile(r"://|--(extra-)?index-url|--find-links|--trusted-host|@ file|\w\.(com|org|io)\b")


REQUIREMENTS = [f"requirements/{path.name}" for path in (ROOT / "requirements").glob("*.txt")]


@pytest.mark.parametrize(
    "name", ["lab", "constraints.txt", "pyproject.toml", ".ci/run", *REQUIREMENTS]
)
def test_installation_files_name_no_host(name: str) -> None:
    lines = [line for line in (ROOT / name).read_text().splitlines() if HOST.search(line)]
    assert lines == []


def test_every_pin_names_one_version() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+( ; .+)?", line)] == []


def run_lab(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "lab"), *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_folder_that_is_not_an_environment_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    answer = run_lab("up", LAB_VENV=str(tmp_path))
    assert (answer.returncode, (tmp_path / "thesis.txt").exists()) == (2, True)
    assert "is not a Python environment" in answer.stderr
    answer = run_lab("up", LAB_VENV=str(tmp_path / "thesis.txt" / "venv"))
    assert (answer.returncode, answer.stderr.count("\n")) == (2, 1)
    assert "cannot be created" in answer.stderr


def test_an_old_python_prints_the_version_that_is_needed() -> None:
    code = (
        "import sys, shutil, runpy; sys.version_info = (3, 9, 1); shutil.which = lambda name: None;"
        f"sys.argv = ['lab']; runpy.run_path({str(ROOT / 'lab')!r}, run_name='__main__')"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 2
    assert "Python 3.11 or newer is needed; this is Python 3.9" in answer.stderr


@pytest.mark.slow
def test_a_failed_installation_prints_the_reason_and_leaves_no_stamp(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    answer = run_lab("up", LAB_VENV=str(venv), PIP_NO_INDEX="1", PIP_FIND_LINKS="")
    assert (answer.returncode, answer.stdout) == (2, "")  # a command's output may be JSON
    assert "Creating the environment" in answer.stderr
    assert "ERROR: " in answer.stderr
    assert "pip could not install the packages" in answer.stderr
    assert not (venv / "lab-stamp.json").exists()


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file to which an environment writes the modules it is asked to run, one per line."""
    log, python = tmp_path / "steps.txt", tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nshift\necho "$@" >> {log}\n')
    python.chmod(0o755)
    monkeypatch.setenv("LAB_VENV", str(tmp_path))
    script = runpy.run_path(str(ROOT / "lab"))
    stamp = {**script["wanted"](), "extras": ["embedded", "server", "test", "worker"]}
    (tmp_path / "lab-stamp.json").write_text(json.dumps(stamp))
    return log


def test_fast_runs_ruff_and_the_unit_tests_that_are_not_slow(steps: Path) -> None:
    assert run_lab("test", "--fast", "-x").returncode == 0
    check, form, tests = steps.read_text().splitlines()
    assert (check, form) == ("ruff check", "ruff format --check")
    assert tests.endswith("-m not slow tests/unit -x")


def test_fast_runs_a_named_file_instead(steps: Path) -> None:
    assert run_lab("test", "--fast", "tests/unit/test_validation.py").returncode == 0
    assert steps.read_text().splitlines()[-1] == "pytest tests/unit/test_validation.py"


def test_without_arguments_every_check_and_test_runs(steps: Path) -> None:
    assert run_lab("test").returncode == 0
    started = steps.read_text()
    assert {"mypy --strict", "tests.e2e.browser"} <= set(started.splitlines())
    assert "tests/unit tests/integration tests/e2e" in started


def test_other_arguments_go_to_pytest(steps: Path) -> None:
    assert run_lab("test", "tests/unit/test_validation.py::test_x", "-q").returncode == 0
    assert "pytest tests/unit/test_validation.py::test_x -q" in steps.read_text().splitlines()


@pytest.mark.parametrize(
    ("suite", "module"), [("--faults", "tests.faults"), ("--compose", "pytest tests/compose")]
)
def test_long_suites_run_only_by_themselves(steps: Path, suite: str, module: str) -> None:
    assert run_lab("test", suite, "--only", "x").returncode == 0
    assert steps.read_text() == f"{module} --only x\n"

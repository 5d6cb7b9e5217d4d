"""What is installed from: nothing that names a machine, an index or a host."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOST = re.compile(r"://|--(extra-)?index-url|--find-links|--trusted-host|@ file|\w\.(com|org|io)\b")


@pytest.mark.parametrize("name", ["lab", "constraints.txt", "pyproject.toml", ".ci/run"])
def test_no_host_is_named(name: str) -> None:
    found = [line for line in (ROOT / name).read_text().splitlines() if HOST.search(line)]
    assert found == []


def test_everything_is_pinned() -> None:
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


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    answer = run_lab("up", LAB_VENV=str(tmp_path))
    assert (answer.returncode, (tmp_path / "thesis.txt").exists()) == (2, True)
    assert "is no Python environment" in answer.stderr
    answer = run_lab("up", LAB_VENV=str(tmp_path / "thesis.txt" / "venv"))
    assert (answer.returncode, answer.stderr.count("\n")) == (2, 1)
    assert "cannot be made" in answer.stderr


def test_an_old_python_says_what_is_missing() -> None:
    code = (
        "import sys, shutil, runpy; sys.version_info = (3, 9, 1); shutil.which = lambda name: None;"
        f"sys.argv = ['lab']; runpy.run_path({str(ROOT / 'lab')!r}, run_name='__main__')"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 2
    assert "Python 3.11 or newer is needed; this is Python 3.9" in answer.stderr


def test_a_failed_installation_says_why_and_leaves_no_stamp(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    answer = run_lab("up", LAB_VENV=str(venv), PIP_NO_INDEX="1", PIP_FIND_LINKS="")
    assert answer.returncode == 2
    assert "ERROR: " in answer.stderr
    assert "pip could not install what is needed" in answer.stderr
    assert not (venv / "lab-stamp.json").exists()

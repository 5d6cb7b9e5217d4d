"""`overfit_lab.sweep`: a Python function over a grid, in forked processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.integration.test_sweep_agent import environment, runs_of, steps_of
from tests.product import wait_for

SCRIPT = """
import os, sys, time
import overfit_lab


def returns(n_train, width, seed):
    print("size", n_train, os.environ["LAB_WIDTH"], type(width).__name__)
    losses = [0.8**epoch for epoch in range(20)]
    return {"loss": losses, "val_loss": [loss + 1 / n_train for loss in losses]}


def logs(width):
    run = overfit_lab.init("elsewhere", quiet=True)
    for epoch in range(5):
        run.log({"train_loss": 0.8**epoch, "val_loss": 0.9**epoch})
    if width == 2:
        raise ValueError("too wide")


def hangs(width):
    print("begun", flush=True)
    time.sleep(600)


kinds = {"returns": (returns, {"n_train": [100, 1000], "width": [0.5], "seeds": 2}),
         "logs": (logs, {"width": [1, 2]}), "hangs": (hangs, {"width": [1]})}
train, axes = kinds[sys.argv[2]]
result = overfit_lab.sweep(train, server=sys.argv[1], jobs=2, quiet=True, **axes)
print(result.id, result.finished)
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("function") / "notebook.py"
    path.write_text(SCRIPT)
    return path


def start(script: Path, url: str, kind: str) -> "subprocess.Popen[str]":
    command = [sys.executable, str(script), url, kind]
    return subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)


def outcome(script: Path, url: str, kind: str) -> tuple[int, str]:
    with start(script, url, kind) as process:
        words = process.communicate(timeout=120)[0].split()
    return int(words[0]), words[1]


def test_the_history_that_a_function_returns_is_logged(lab: str, script: Path) -> None:
    id_, finished = outcome(script, lab, "returns")
    runs = runs_of(lab, id_)
    assert finished == "True"
    assert runs[1]["params"] == {"n_train": "100", "width": "0.5", "seed": "1"}
    assert all(steps_of(lab, run) == list(range(1, 21)) for run in runs)


def test_a_function_that_raises_fails_with_its_last_line(lab: str, script: Path) -> None:
    id_, finished = outcome(script, lab, "logs")
    [good, bad] = runs_of(lab, id_)
    assert (finished, good["status"], bad["status"]) == ("False", "finished", "failed")
    assert bad["error"].endswith("Its last line: ValueError: too wide")
    assert steps_of(lab, bad) == list(range(5))


def test_the_calls_end_with_a_killed_notebook(lab: str, script: Path) -> None:
    with start(script, lab, "hangs") as process:
        wait_for(lambda: len(psutil.Process(process.pid).children(recursive=True)) == 2)
        children = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
        assert psutil.wait_procs(children, timeout=20)[1] == []

"""`lab sweep` and `lab agent` with the whole product: commands that log, fail and hang."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.product import ROOT, wait_for

SCRIPT = '''
"""Log the losses of a few epochs over MLflow's REST interface, with the standard library."""
import json, os, sys, time, urllib.request
from argparse import ArgumentParser

parser = ArgumentParser()
for name in ("n-train", "width", "seed"):
    parser.add_argument(f"--{name}", type=int, default=1)
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--pause", type=float, default=0)
parser.add_argument("--fail", action="store_true")
options = parser.parse_args()


def log(epoch):
    losses = {"train_loss": 0.8**epoch, "val_loss": 0.8**epoch + 0.01 * max(0, epoch - 6)}
    metrics = [
        {"key": key, "value": value, "timestamp": 1000 * epoch, "step": epoch}
        for key, value in losses.items()
    ]
    body = json.dumps({"run_id": os.environ["MLFLOW_RUN_ID"], "metrics": metrics}).encode()
    url = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-batch"
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    for _ in range(600):
        try:
            urllib.request.urlopen(request, timeout=10).close()
            return
        except urllib.error.HTTPError as error:
            if error.code < 500:
                raise
        except OSError:
            pass
        time.sleep(0.1)


for epoch in range(options.epochs):
    log(epoch)
    print("epoch", epoch, *map(os.environ.get, ("LAB_WIDTH", "CUDA_VISIBLE_DEVICES")), flush=True)
    time.sleep(options.pause)
if options.fail and options.width == 2:
    sys.exit("no such width")
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    (folder / "train.py").write_text(SCRIPT)
    return folder


def lab_command(*words: str) -> list[str]:
    return [sys.executable, "-m", "backend.cli", *words]


TRAIN = (sys.executable, "train.py", "{args}")


def environment() -> dict[str, str]:
    return {"PYTHONPATH": str(ROOT), **os.environ}


def sweep(folder: Path, url: str, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        lab_command("sweep", "--server", url, *words),
        cwd=folder, env=environment(), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@contextmanager
def started(folder: Path, *words: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        lab_command(*words),
        cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    with process:
        yield process
        process.kill()


def id_in(output: str) -> int:
    word, number = output.splitlines()[0].split()
    assert word == "experiment"
    return int(number)


def planned(folder: Path, url: str, *words: str) -> int:
    return id_in(sweep(folder, url, "--no-agent", *words).stdout)


def runs_of(url: str, experiment_id: int) -> list[Any]:
    return list(httpx.get(f"{url}/api/experiments/{experiment_id}/runs").json()["items"])


def states(url: str, experiment_id: int) -> list[str]:
    return [run["status"] for run in runs_of(url, experiment_id)]


def steps_of(url: str, run: Any) -> list[int]:
    return list(httpx.get(f"{url}/api/runs/{run['id']}/metrics").json()["val_loss"]["steps"])


def test_a_sweep_of_a_script(lab: str, folder: Path) -> None:
    words = ("--name", "digits", "--n-train", "100,1000", "--width", "8", "--seeds", "2")
    slots = ("--jobs", "2", "--gpus", "3,5")
    done = sweep(folder, lab, *words, *slots, "--wait", "--", *TRAIN)
    assert done.returncode == 0, done.stdout + done.stderr
    runs = runs_of(lab, id_in(done.stdout))
    assert [run["params"] for run in runs[1:3]] == [
        {"n_train": "100", "width": "8", "seed": "1"},
        {"n_train": "1000", "width": "8", "seed": "0"},
    ]
    assert {(run["status"], run["epoch"]) for run in runs} == {("finished", 20)}
    assert all(steps_of(lab, run) == list(range(20)) for run in runs)
    consoles = [httpx.get(f"{lab}/api/runs/{run['id']}/console").json() for run in runs]
    lines = {console["text"].splitlines()[-1] for console in consoles}
    assert lines == {"epoch 19 8 3", "epoch 19 8 5"}  # a GPU for each job


PRINTS = """
import json
for epoch in range(30):
    print(json.dumps({"epoch": epoch, "train_loss": 0.8**epoch, "val_loss": 0.8**epoch + 0.1}))
"""


def test_a_script_that_only_prints_is_read(lab: str, folder: Path) -> None:
    (folder / "prints.py").write_text(PRINTS)
    words = ("--style", "env", "--width", "1", "--wait", "--", sys.executable, "prints.py")
    done = sweep(folder, lab, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    [run] = runs_of(lab, id_in(done.stdout))
    assert (run["epoch"], run["verdict"]) == (30, "good fit")
    assert steps_of(lab, run) == list(range(30))


def test_a_failed_run_has_its_exit_code_and_last_line(lab: str, folder: Path) -> None:
    done = sweep(folder, lab, "--width", "1,2", "--wait", "--", *TRAIN, "--fail")
    assert done.returncode == 1
    [good, bad] = runs_of(lab, id_in(done.stdout))
    assert (good["status"], bad["status"]) == ("finished", "failed")
    assert bad["error"] == "The command ended with exit code 1. Its last line: no such width"


def test_a_command_that_cannot_be_started_fails(lab: str, folder: Path) -> None:
    done = sweep(folder, lab, "--width", "1", "--wait", "--", "/no/such/program", "{args}")
    assert done.returncode == 1
    [run] = runs_of(lab, id_in(done.stdout))
    assert run["error"].startswith("The command could not be started: /no/such/program: No such")


def test_cancelling_ends_the_command(lab: str, folder: Path) -> None:
    words = ("--width", "1,2", "--wait", "--", *TRAIN, "--epochs", "100000", "--pause", "0.05")
    with started(folder, "sweep", "--server", lab, *words) as process:
        assert process.stdout is not None
        id_ = id_in(process.stdout.readline())
        wait_for(lambda: runs_of(lab, id_)[0]["summary"], lambda: str(runs_of(lab, id_)))
        httpx.post(f"{lab}/api/experiments/{id_}/cancel")
        assert process.wait(60) == 1
    assert states(lab, id_) == ["cancelled", "cancelled"]


def test_an_interrupted_agent_gives_its_run_back(lab: str, folder: Path) -> None:
    endless = ("--", *TRAIN, "--epochs", "100000", "--pause", "0.05")
    id_ = planned(folder, lab, "--width", "1", *endless)
    words = ("agent", "--server", lab, "--experiment", str(id_), *endless)
    with started(folder, *words) as process:
        wait_for(lambda: runs_of(lab, id_)[0]["summary"])
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert states(lab, id_) == ["queued"]
    httpx.post(f"{lab}/api/experiments/{id_}/cancel")


def test_an_agent_with_another_command_is_refused(lab: str, folder: Path) -> None:
    id_ = planned(folder, lab, "--width", "1", "--", *TRAIN)
    words = ("agent", "--server", lab, "--experiment", str(id_))
    with started(folder, *words, "--", "echo", "{args}") as process:
        assert process.wait(60) == 2
        assert process.stdout is not None
        assert "was made for another command" in process.stdout.read()
    with started(folder, *words, "--other-command", "--", *TRAIN, "--epochs", "5") as process:
        assert process.wait(60) == 0
    assert states(lab, id_) == ["finished"]


def test_a_run_is_stopped_at_a_verdict(lab: str, folder: Path) -> None:
    words = ("--width", "1", "--stop-when", "overfitting", "--wait")
    done = sweep(folder, lab, *words, "--", *TRAIN, "--epochs", "100000", "--pause", "0.02")
    assert done.returncode == 0, done.stdout + done.stderr
    [run] = runs_of(lab, id_in(done.stdout))
    assert (run["verdict"], run["tags"]["sweep.stopped_by"]) == ("overfitting", "overfitting")


def test_without_wait_the_agent_goes_on_in_the_background(lab: str, folder: Path) -> None:
    done = sweep(folder, lab, "--width", "1", "--", *TRAIN, "--pause", "0.02")
    assert done.returncode == 0
    wait_for(lambda: states(lab, id_in(done.stdout)) == ["finished"], lambda: done.stdout)

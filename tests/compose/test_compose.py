"""`docker compose up` on a real engine: `./lab test --compose`."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.compose.stack import SERVICES, Stack, start_stack, why_unavailable
from tests.product import wait_for
from tests.specs import document

pytestmark = pytest.mark.timeout(1800)  # the first builds the images
END_SECONDS = 600


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    if reason := why_unavailable():
        pytest.skip(reason)
    with start_stack() as stack:
        yield stack


def test_printed_url_opens_only_with_its_token(stack: Stack) -> None:
    url, token = stack.link()
    assert url == f"http://127.0.0.1:{stack.port}"
    assert httpx.get(url).status_code == httpx.codes.UNAUTHORIZED
    with httpx.Client(follow_redirects=True) as browser:
        page = browser.get(url, params={"token": token})
        assert page.is_success and token not in str(page.url)
        assert browser.get(f"{url}/status").is_success


def test_containers_have_only_the_privileges_they_need(stack: Stack) -> None:
    for container in stack.containers():
        host, config = container["HostConfig"], container["Config"]
        assert config["User"] not in ("", "0", "root"), container["Name"]
        assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"], container["Name"]
        assert "no-new-privileges:true" in host["SecurityOpt"], container["Name"]
        assert host["Memory"] and host["PidsLimit"], container["Name"]
        assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}
        assert host["RestartPolicy"]["Name"] in ("unless-stopped", "on-failure")


def test_web_image_has_no_torch(stack: Stack) -> None:
    command = "import importlib.util; print(importlib.util.find_spec('torch'))"
    assert stack.compose("exec", "-T", "web", "python", "-c", command).strip() == "None"


def test_gpu_worker_reserves_the_nvidia_devices_and_does_not_fork(stack: Stack) -> None:
    config = json.loads(stack.compose("--profile", "gpu", "config", "--format", "json"))
    worker = config["services"]["worker-gpu"]
    (devices,) = worker["deploy"]["resources"]["reservations"]["devices"]
    assert devices == {"driver": "nvidia", "count": -1, "capabilities": ["gpu"]}
    assert worker["environment"]["LAB_DEVICE"] == "gpu"
    assert worker["build"]["target"] == "worker" and "TORCH_INDEX" not in worker["build"]["args"]
    (cpu_worker,) = stack.containers("worker")
    assert "--pool solo" in " ".join(cpu_worker["Config"]["Cmd"])


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_killed_service_comes_back_and_no_epoch_is_lost(stack: Stack, service: str) -> None:
    experiment = submit(stack, epochs=5000)
    wait_for(lambda: is_training(stack, experiment), stack.recent_logs)
    killed_at = stack.kill(service)
    wait_for(lambda: is_finished(stack, experiment), stack.recent_logs, END_SECONDS)
    ends = [datetime.fromisoformat(run["ended_at"]) for run in runs_of(stack, experiment)]
    assert max(ends) > killed_at, "the training had ended before the kill"
    check(stack, experiment)


def test_added_workers_take_part_in_a_running_experiment(stack: Stack) -> None:
    scale(stack, 2)
    experiment = submit(stack, epochs=20_000)  # two groups for each of two workers
    wait_for(lambda: is_training(stack, experiment), stack.recent_logs)
    scale(stack, 3)
    wait_for(lambda: is_finished(stack, experiment), stack.recent_logs, END_SECONDS)
    assert all(worker["epochs"] for worker in stack.get("/api/health")["workers"])
    check(stack, experiment)


def test_down_and_up_lose_nothing(stack: Stack) -> None:
    experiments, link = stack.get("/api/experiments"), stack.link()
    stack.compose("down")
    stack.up()
    assert stack.link() == link
    assert stack.get("/api/experiments") == experiments
    check(stack, experiments["items"][0]["id"])


def scale(stack: Stack, workers: int) -> None:
    stack.compose("up", "--detach", "--scale", f"worker={workers}")
    wait_for(lambda: len(stack.get("/api/health")["workers"]) == workers, stack.recent_logs)


def submit(stack: Stack, epochs: int) -> int:
    grid = document(
        dataset__n_train=[20, 30],
        dataset__n_validation=30,
        dataset__n_test=30,
        model__width=4,
        training__epochs=epochs,
        training__seeds=8,
    )
    return int(stack.http.post("/api/experiments", json=grid).raise_for_status().json()["id"])


def is_training(stack: Stack, experiment: int) -> bool:
    """Return whether the experiment is half-way. Raises AssertionError if it has ended."""
    assert not is_finished(stack, experiment), "the experiment ended too early for this test"
    return any(run["summary"] for run in runs_of(stack, experiment))


def is_finished(stack: Stack, experiment: int) -> bool:
    response = stack.http.get(f"/api/experiments/{experiment}")
    return response.is_success and response.json()["status"] == "finished"


def runs_of(stack: Stack, experiment: int) -> list[Any]:
    runs: list[Any] = stack.get(f"/api/experiments/{experiment}/runs")["items"]
    return runs


def check(stack: Stack, experiment: int) -> None:
    """Check that every epoch of every run is stored once and `lab doctor` finds no problem."""
    for run in runs_of(stack, experiment):
        curve = stack.get(f"/api/runs/{run['id']}/metrics?keys=train_loss")["train_loss"]
        assert curve["steps"] == list(range(1, run["params"]["training.epochs"] + 1)), run["id"]
    doctor = "python", "-m", "backend.cli", "doctor", "--all"
    assert "All checks passed." in stack.compose("exec", "-T", "web", *doctor)

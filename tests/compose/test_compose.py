"""What `docker compose up` promises, on a real engine: `./lab test --compose`."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.compose.stack import SERVICES, Stack, missing, started
from tests.product import wait_for
from tests.specs import document

pytestmark = pytest.mark.timeout(1800)  # the first builds the images
END_SECONDS = 600


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    if why := missing():
        pytest.skip(why)
    with started() as stack:
        yield stack


def test_printed_address_opens_with_its_token_only(stack: Stack) -> None:
    address, token = stack.link()
    assert address == f"http://127.0.0.1:{stack.port}"
    assert httpx.get(address).status_code == httpx.codes.UNAUTHORIZED
    with httpx.Client(follow_redirects=True) as browser:
        page = browser.get(address, params={"token": token})
        assert page.is_success and token not in str(page.url)
        assert browser.get(f"{address}/health").is_success


def test_no_container_may_do_more_than_it_must(stack: Stack) -> None:
    for container in stack.containers():
        host, config = container["HostConfig"], container["Config"]
        assert config["User"] not in ("", "0", "root"), container["Name"]
        assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"], container["Name"]
        assert "no-new-privileges:true" in host["SecurityOpt"], container["Name"]
        assert host["Memory"] and host["PidsLimit"], container["Name"]
        assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}
        assert host["RestartPolicy"]["Name"] in ("unless-stopped", "on-failure")


def test_web_image_has_no_torch(stack: Stack) -> None:
    find = "import importlib.util; print(importlib.util.find_spec('torch'))"
    assert stack.compose("exec", "-T", "web", "python", "-c", find).strip() == "None"


def test_gpu_worker_takes_the_nvidia_devices_and_does_not_fork(stack: Stack) -> None:
    config = json.loads(stack.compose("--profile", "gpu", "config", "--format", "json"))
    worker = config["services"]["worker-gpu"]
    (devices,) = worker["deploy"]["resources"]["reservations"]["devices"]
    assert devices == {"driver": "nvidia", "count": -1, "capabilities": ["gpu"]}
    assert worker["environment"]["LAB_DEVICE"] == "gpu"
    assert worker["build"]["target"] == "worker" and "TORCH_INDEX" not in worker["build"]["args"]
    (same,) = stack.containers("worker")
    assert "--pool solo" in " ".join(same["Config"]["Cmd"])


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_what_is_killed_comes_back_and_no_epoch_is_lost(stack: Stack, service: str) -> None:
    experiment = submit(stack, epochs=5000)
    wait_for(lambda: trains(stack, experiment), stack.said)
    struck = stack.kill(service)
    wait_for(lambda: finished(stack, experiment), stack.said, END_SECONDS)
    ends = [datetime.fromisoformat(run["ended_at"]) for run in runs_of(stack, experiment)]
    assert max(ends) > struck, "it had ended before the kill"
    check(stack, experiment)


def test_workers_that_are_added_take_part_in_what_trains(stack: Stack) -> None:
    scale(stack, 2)
    experiment = submit(stack, epochs=20_000)  # two groups for each of two workers
    wait_for(lambda: trains(stack, experiment), stack.said)
    scale(stack, 3)
    wait_for(lambda: finished(stack, experiment), stack.said, END_SECONDS)
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
    wait_for(lambda: len(stack.get("/api/health")["workers"]) == workers, stack.said)


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


def trains(stack: Stack, experiment: int) -> bool:
    """Whether epochs were recorded, and more are to come. Raises AssertionError at the end."""
    assert not finished(stack, experiment), "it ended before anything happened to it"
    return any(run["summary"] for run in runs_of(stack, experiment))


def finished(stack: Stack, experiment: int) -> bool:
    answer = stack.http.get(f"/api/experiments/{experiment}")
    return answer.is_success and answer.json()["status"] == "finished"


def runs_of(stack: Stack, experiment: int) -> list[Any]:
    found: list[Any] = stack.get(f"/api/experiments/{experiment}/runs")["items"]
    return found


def check(stack: Stack, experiment: int) -> None:
    """Every epoch of every run is there once, and `lab doctor` finds nothing wrong."""
    for run in runs_of(stack, experiment):
        curve = stack.get(f"/api/runs/{run['id']}/metrics?keys=train_loss")["train_loss"]
        assert curve["steps"] == list(range(1, run["params"]["training.epochs"] + 1)), run["id"]
    doctor = "python", "-m", "backend.cli", "doctor", "--all"
    assert "All checks passed." in stack.compose("exec", "-T", "web", *doctor)

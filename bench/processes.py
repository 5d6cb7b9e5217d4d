"""1, 2 and 4 worker processes on one experiment, and how soon one that joins late takes part."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psutil

from backend.spec import validate
from backend.supervisor.programs import worker
from tests.product import ROOT, Product, running, wait_for

REPEATS = 2
SWEEP: dict[str, Any] = {
    "dataset": {"source": "moons", "n_features": 20, "n_train": [150, 400, 1000]},
    "model": {"depth": 2, "width": [16, 32, 64]},
    "training": {"epochs": 60, "batch_size": 32, "seeds": 64},
}
EPOCHS = 60 * len(validate(SWEEP).runs)


@contextmanager
def started(product: Product, number: int) -> Iterator[psutil.Process]:
    """Start a worker process beside the product, as on another machine."""
    broker = f"unix://{product.data_dir / 'valkey.sock'}"
    given = {"LAB_DATA_DIR": str(product.data_dir), "LAB_BROKER": broker}
    with (product.data_dir / f"extra{number}.log").open("wb") as log:
        process = subprocess.Popen(
            worker(number).command, cwd=ROOT, env=os.environ | given, stdout=log, stderr=log
        )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def table() -> str:
    """Return the table of throughputs, and the seconds until a late worker records."""
    lines = [
        "| worker processes | epochs a second | of one process | processor seconds of the "
        "workers for 1,000 epochs |",
        "|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        data = Path(folder) / "data"
        with running(data, workers="0") as product:
            found: dict[int, list[tuple[float, float]]] = {}
            for _ in range(REPEATS):
                for count in (1, 2, 4):
                    found.setdefault(count, []).append(_measured(product, count))
            late = _late(product)
            product.interrupt()
    first = median(rate for rate, _ in found[1])
    for count, rows in found.items():
        rate, processor = (median(row[place] for row in rows) for place in (0, 1))
        lines.append(
            f"| {count} | {rate:,.0f} | {rate / first:.2f} times | {processor * 1e3:.1f} |"
        )
    said = f"A worker started while others train recorded its first epoch {late:.1f} s later."
    return "\n".join([*lines, "", said])


def _measured(product: Product, count: int) -> tuple[float, float]:
    """Return epochs a second, and processor seconds an epoch, with so many workers."""
    with _several(product, count) as workers:
        _present(product, count)
        before, begun = _processor(workers), time.monotonic()
        url = _submitted(product, SWEEP)
        wait_for(lambda: _status(product, url) == "finished", seconds=600)
        taken = time.monotonic() - begun
        return EPOCHS / taken, (_processor(workers) - before) / EPOCHS


@contextmanager
def _several(product: Product, count: int) -> Iterator[list[psutil.Process]]:
    if count == 0:
        yield []
        return
    with started(product, count) as one, _several(product, count - 1) as others:
        yield [one, *others]


def _late(product: Product) -> float:
    """Return the seconds from a worker's start to the first epoch it records."""
    long = {**SWEEP, "training": {**SWEEP["training"], "epochs": 400}}
    with started(product, 1):
        _present(product, 1)
        url = _submitted(product, long)
        wait_for(lambda: _epochs(product), seconds=120)
        begun = time.monotonic()
        with started(product, 2) as late:
            wait_for(lambda: _epochs(product).get(late.pid), seconds=120)
            taken = time.monotonic() - begun
            httpx.post(f"{product.url}/api{url}/cancel")
    return taken


def _epochs(product: Product) -> dict[int, int]:
    workers = httpx.get(f"{product.url}/api/health").json()["workers"]
    return {each["pid"]: each["epochs"] for each in workers if each["epochs"]}


def _present(product: Product, count: int) -> None:
    def there() -> bool:
        return len(httpx.get(f"{product.url}/api/health").json()["workers"]) == count

    wait_for(there, seconds=180)


def _submitted(product: Product, document: dict[str, Any]) -> str:
    return str(httpx.post(f"{product.url}/api/experiments", json=document).json()["url"])


def _status(product: Product, url: str) -> str:
    time.sleep(0.1)
    return str(httpx.get(f"{product.url}/api{url}").json()["status"])


def _processor(workers: list[psutil.Process]) -> float:
    return sum(sum(each.cpu_times()[:2]) for each in workers)

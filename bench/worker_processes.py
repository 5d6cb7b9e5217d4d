"""Throughput of 1, 2 and 4 worker processes on one experiment, and the delay of a late worker.

With fewer cores than processes, the processes take turns. They are therefore also measured with a
share of a core each, which leaves some processor time free. A limit to scaling that remains then
lies in the program itself.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psutil

from backend.specification import validate
from backend.supervisor.programs import worker
from bench import cpu_shares
from tests.product import ROOT, Product, run_product, wait_for

REPEATS = 2
COUNTS = (1, 2, 4)
CORE_SHARE = 0.3  # per process: four leave 0.8 of two cores to web service and database
SWEEP: dict[str, Any] = {
    "dataset": {"source": "moons", "n_features": 20, "n_train": [150, 400, 1000]},
    "model": {"depth": 2, "width": [16, 32, 64]},
    "training": {"epochs": 60, "batch_size": 32, "seeds": 64},
}
EPOCHS = SWEEP["training"]["epochs"] * len(validate(SWEEP).runs)


@dataclass(frozen=True)
class Throughput:
    """One experiment: epochs per second, processor seconds per epoch, idle fraction of cores."""

    rate: float
    processor: float
    idle: float


@contextmanager
def extra_worker(product: Product, number: int) -> Iterator[psutil.Process]:
    """Start a worker process outside of the product, as on another machine."""
    broker = f"unix://{product.data_dir / 'valkey.sock'}"
    variables = {"LAB_DATA_DIR": str(product.data_dir), "LAB_BROKER": broker}
    with (product.data_dir / f"extra{number}.log").open("wb") as log:
        process = subprocess.Popen(
            worker(number).command, cwd=ROOT, env=os.environ | variables, stdout=log, stderr=log
        )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def table() -> str:
    """Return the tables of throughputs, and the seconds until a late worker records an epoch."""
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        data = Path(folder) / "data"
        with run_product(data, workers="0") as product:
            parts = [
                "Each process with all the cores it gets:",
                _throughputs(product, None, REPEATS),
            ]
            if cpu_shares.possible():
                parts += [
                    f"Each with {CORE_SHARE:g} of a core:",
                    _throughputs(product, CORE_SHARE, 1),
                ]
            late = _late(product)
            product.interrupt()
    summary = f"A worker started while others train recorded its first epoch {late:.1f} s later."
    return "\n\n".join([*parts, summary])


def _throughputs(product: Product, share: float | None, repeats: int) -> str:
    results: dict[int, list[Throughput]] = {count: [] for count in COUNTS}
    for _ in range(repeats):
        for count in COUNTS:
            results[count].append(_measured(product, count, share))
    first = median(result.rate for result in results[1])
    lines = [
        "| worker processes | epochs per second | of one process | processor seconds of the "
        "workers for 1,000 epochs | of the cores idle |",
        "|---|---|---|---|---|",
    ]
    for count, repeated in results.items():
        rate = median(result.rate for result in repeated)
        processor = median(result.processor for result in repeated)
        idle = median(result.idle for result in repeated)
        lines.append(
            f"| {count} | {rate:,.0f} | {rate / first:.2f} times | {processor * 1e3:.2f} "
            f"| {idle:.0%} |"
        )
    return "\n".join(lines)


def _measured(product: Product, count: int, share: float | None) -> Throughput:
    """Train the experiment with some workers, each limited to `share` of a core if it is given."""
    with _several(product, count) as workers:
        _present(product, count)
        with cpu_shares.limited(workers, share) if share else nullcontext():
            before, cores, begun = _processor(workers), psutil.cpu_times(), time.monotonic()
            url = _submitted(product, SWEEP)
            wait_for(lambda: _status(product, url) == "finished", seconds=600)
            taken, after = time.monotonic() - begun, psutil.cpu_times()
            idle = (after.idle - cores.idle) / (sum(after) - sum(cores))
            return Throughput(EPOCHS / taken, (_processor(workers) - before) / EPOCHS, idle)


@contextmanager
def _several(product: Product, count: int) -> Iterator[list[psutil.Process]]:
    if count == 0:
        yield []
        return
    with extra_worker(product, count) as first, _several(product, count - 1) as others:
        yield [first, *others]


def _late(product: Product) -> float:
    """Return the seconds from a worker's start to the first epoch that it records."""
    long = {**SWEEP, "training": {**SWEEP["training"], "epochs": 400}}
    with extra_worker(product, 1):
        _present(product, 1)
        url = _submitted(product, long)
        wait_for(lambda: _epochs(product), seconds=120)
        begun = time.monotonic()
        with extra_worker(product, 2) as late:
            wait_for(lambda: _epochs(product).get(late.pid), seconds=120)
            taken = time.monotonic() - begun
            httpx.post(f"{product.url}/api{url}/cancel")
    return taken


def _epochs(product: Product) -> dict[int, int]:
    workers = httpx.get(f"{product.url}/api/health").json()["workers"]
    return {worker["pid"]: worker["epochs"] for worker in workers if worker["epochs"]}


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
    return sum(sum(process.cpu_times()[:2]) for process in workers)

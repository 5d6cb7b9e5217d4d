"""Sweeps of many runs by this product and by others: `python -m bench.sweep [--write]`.

Ours is the whole product as `./lab up` starts it, with two workers, from the request that submits
a sweep until its last run is recorded as finished. The others train some of the same runs, one
after the other: each width and each number of samples once, of the slow ones a quarter of them.
Ours is measured before and after, so that a busy machine slows both.

Needs the extra `peers` (Lightning and Keras). With --write, docs/benchmarks.md gets the tables.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import httpx
import psutil

from backend.spec import RunSpec, validate
from bench import peers, products
from bench.document import replace_section
from tests.product import Product, running

SAMPLES = [50, 100, 150, 200, 300, 500, 700, 1000]
WIDTHS = [4, 8, 12, 16, 24, 32, 48, 64]
PEERS: list[tuple[str, Callable[[RunSpec], float], int]] = [
    ("plain PyTorch loop", peers.plain, 1),
    ("Lightning `Trainer.fit`", peers.lightning, 4),
    ("Keras `fit`", peers.keras, 4),
]
Key = tuple[Any, ...]
Losses = dict[Key, float]


def sweep(width: int | list[int] = WIDTHS, *, epochs: int = 100, seeds: int = 4) -> dict[str, Any]:
    """Return the specification of the reference sweep, or of one like it."""
    return {
        "dataset": {"source": "moons", "n_features": 20, "n_train": SAMPLES},
        "model": {"depth": 2, "width": width},
        "training": {"epochs": epochs, "batch_size": 32, "seeds": seeds},
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    write = parser.parse_args().write
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder) / "data", workers="2") as product,
    ):
        ours(product, sweep(epochs=2))  # the workers load PyTorch
        text = "\n\n".join([*compared(product), memory(product), scaled(product)])
    text += "\n\n" + products.table()
    print(text)
    if write:
        replace_section("Sweeps of many runs", text)


def ours(product: Product, document: dict[str, Any]) -> tuple[float, Losses]:
    """Return the seconds from submitting a sweep to its last run's end, and the last losses."""
    begun = time.perf_counter()
    with httpx.Client(base_url=product.url, timeout=60) as client:
        made = client.post("/api/experiments", json=document).raise_for_status().json()
        path = f"/api/experiments/{made['id']}"
        while client.get(path).json()["counts"]["finished"] < made["runs"]:
            time.sleep(0.05)
        seconds = time.perf_counter() - begun
        items = list(every(client, f"{path}/runs"))
    return seconds, {key(item["params"]): item["summary"]["val_loss"]["last"] for item in items}


def every(client: httpx.Client, path: str) -> Iterator[dict[str, Any]]:
    """Yield the items of all pages of a list."""
    page = client.get(path).json()
    yield from page["items"]
    while page["next_cursor"]:
        page = client.get(path, params={"cursor": page["next_cursor"]}).json()
        yield from page["items"]


def key(params: dict[str, Any]) -> Key:
    return tuple(params[path] for path in ("model.width", "dataset.n_train", "training.seed"))


def latin(specs: Sequence[RunSpec]) -> list[RunSpec]:
    """Return a run of every number of samples, the widths spread over them, of the first seed."""
    widths = sorted({spec.model.width or 0 for spec in specs})
    wanted = {(widths[3 * i % len(widths)], n, 0) for i, n in enumerate(SAMPLES)}
    return [spec for spec in specs if key(spec.params()) in wanted]


def theirs(
    train: Callable[[RunSpec], float], specs: Sequence[RunSpec]
) -> tuple[dict[Key, float], Losses]:
    """Train runs one after the other; return the seconds of each, and the last losses."""
    seconds, losses = {}, {}
    for spec in specs:
        begun = time.perf_counter()
        losses[key(spec.params())] = train(spec)
        seconds[key(spec.params())] = time.perf_counter() - begun
    return seconds, losses


def compared(product: Product) -> Iterator[str]:
    """Yield the tables of the reference sweep and of a wide one: ours against the others."""
    for title, document, chosen in (
        ("The reference sweep, 256 runs of 100 epochs, widths 4 to 64", sweep(), PEERS),
        ("64 runs of 50 epochs, width 128", sweep(128, epochs=50, seeds=8), PEERS[:1]),
    ):
        specs = validate(document).runs
        before, losses = ours(product, document)
        found = [theirs(train, latin(specs)[::step]) for _, train, step in chosen]
        after, _ = ours(product, document)
        seconds = (before + after) / 2 / len(specs)
        yield f"{title}:\n\n{comparison(seconds, losses, [name for name, _, _ in chosen], found)}"


def comparison(
    seconds: float,
    losses: Losses,
    names: Sequence[str],
    found: Sequence[tuple[dict[Key, float], Losses]],
) -> str:
    """Return the table for our seconds a run and last losses, and what was found of the others.

    The plain loop is the first, and trained all of the sample: what another would take for it
    follows from how much longer it takes than the plain loop for those it trained.
    """
    plain = found[0][0]
    lines = [
        "| | seconds a run | ours is faster | last validation loss, theirs | ours, the same runs |",
        "|---|---|---|---|---|",
        f"| this product, two workers, all recorded | {seconds:.4f} | | | |",
    ]
    for name, (taken, reached) in zip(names, found, strict=True):
        each = fmean(plain.values()) * sum(taken.values()) / sum(plain[run] for run in taken)
        here = fmean(losses[run] for run in reached)
        lines.append(
            f"| {name} | {each:.3f} | {each / seconds:.0f} times | "
            f"{fmean(reached.values()):.4f} | {here:.4f} |"
        )
    return "\n".join(lines)


def scaled(product: Product) -> str:
    """Return the table of what a run costs in sweeps of several sizes."""
    lines = ["| runs in the sweep (25 epochs) | ms a run |", "|---|---|"]
    for width, seeds in (([8, 32], 1), (WIDTHS, 1), (WIDTHS, 4), (WIDTHS, 16)):
        document = sweep(width, epochs=25, seeds=seeds)
        runs = len(validate(document).runs)
        seconds, _ = ours(product, document)
        lines.append(f"| {runs:,} | {1e3 * seconds / runs:.1f} |")
    return "\n".join(lines)


def memory(product: Product) -> str:
    """Return what the product has taken at most, workers and all, after the sweeps above."""
    peaks, started = [], psutil.Process(product.process.pid)
    for process in (started, *started.children(recursive=True)):
        status = Path(f"/proc/{process.pid}/status").read_text()
        peaks.append(next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line))
    return (
        f"Memory, the most that each process took: {sum(peaks) / 2**20:.2f} GiB together, "
        f"{max(peaks) / 2**20:.2f} GiB a worker."
    )


if __name__ == "__main__":
    main()

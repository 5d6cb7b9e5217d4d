"""Sweeps of many runs by this product and by others: `python -m bench.sweep [--write]`.

Ours is the whole product as `./lab up` starts it, with two workers, from the request that submits
a sweep until its last run is recorded as finished. The others train some of the same runs, one
after the other: each width and each number of samples once, of the slow ones a quarter of them.
Ours is measured before and after, so that a busy machine slows both.

Needs the extra `peers` (Lightning and Keras). With --write, docs/benchmarks.md gets the tables.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import httpx
import psutil

from backend.specification import RunSpec, validate
from bench import peers, products
from bench.document import replace_section
from tests.product import Product, run_product

SAMPLES = [50, 100, 150, 200, 300, 500, 700, 1000]
WIDTHS = [4, 8, 12, 16, 24, 32, 48, 64]
PEERS: list[tuple[str, peers.Train, int]] = [  # how many of the sample's runs stand for one
    ("plain PyTorch loop", peers.plain, 1),
    ("Lightning `Trainer.fit`", peers.lightning, 4),
    ("Keras `fit`, least work, one thread", peers.threads(1, peers.keras), 4),
    ("Keras `fit`, least work, two threads", peers.threads(2, peers.keras), 4),
    ("Keras `fit` as in its guides, one thread", peers.threads(1, peers.keras_as_written), 4),
    ("Keras `fit` as in its guides, two threads", peers.threads(2, peers.keras_as_written), 4),
    ("Keras `fit` that evaluates all parts", peers.threads(1, peers.keras_recording), 8),
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
        run_product(Path(folder) / "data", workers="2") as product,
    ):
        ours(product, sweep(epochs=2))  # the workers load PyTorch
        text = "\n\n".join([*compared(product), memory(product), scaled(product)])
    text += f"\n\n{products.table()}\n\n{load()}"
    print(text)
    if write:
        replace_section("Sweeps of many runs", text)


@dataclass(frozen=True)
class Taken:
    """What training took: seconds by the clock, and of all processors."""

    wall: float
    processor: float


def load() -> str:
    """Return how busy the machine was, this benchmark included."""
    return (
        f"Measured with {os.cpu_count()} cores; the load of the last 15 minutes, this benchmark's "
        f"included, was {os.getloadavg()[2]:.1f}."
    )


def ours(product: Product, document: dict[str, Any]) -> tuple[Taken, Losses]:
    """Return what a sweep took from submitting it to its last run's end, and the last losses."""
    begun, worked = time.perf_counter(), processor_seconds(product)
    with httpx.Client(base_url=product.url, timeout=60) as client:
        made = client.post("/api/experiments", json=document).raise_for_status().json()
        path = f"/api/experiments/{made['id']}"
        while client.get(path).json()["counts"]["finished"] < made["runs"]:
            time.sleep(0.1)
        wall = time.perf_counter() - begun
        items = list(every(client, f"{path}/runs"))
    taken = Taken(wall, processor_seconds(product) - worked)
    return taken, {key(item["params"]): item["summary"]["val_loss"]["last"] for item in items}


def processor_seconds(product: Product) -> float:
    """Return the processor time that all processes of the product have had."""
    return sum(sum(process.cpu_times()[:2]) for process in processes(product))


def processes(product: Product) -> list[psutil.Process]:
    started = psutil.Process(product.process.pid)
    return [started, *started.children(recursive=True)]


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


def theirs(train: peers.Train, specs: Sequence[RunSpec]) -> tuple[dict[Key, Taken], Losses]:
    """Train runs one after the other; return what each took, and the last losses."""
    train(validate(sweep(4, epochs=1, seeds=1)).runs[0])  # loads what it needs
    taken, losses = {}, {}
    for spec in specs:
        begun, worked = time.perf_counter(), time.process_time()
        losses[key(spec.params())] = train(spec)
        taken[key(spec.params())] = Taken(time.perf_counter() - begun, time.process_time() - worked)
    return taken, losses


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
        each = Taken(
            (before.wall + after.wall) / 2 / len(specs),
            (before.processor + after.processor) / 2 / len(specs),
        )
        yield f"{title}:\n\n{comparison(each, losses, [name for name, _, _ in chosen], found)}"


def comparison(
    each: Taken,
    losses: Losses,
    names: Sequence[str],
    found: Sequence[tuple[dict[Key, Taken], Losses]],
) -> str:
    """Return the table for what a run of ours took, our last losses, and those of the others.

    The plain loop is the first, and trained all of the sample: what another would take for it
    follows from how much longer it takes than the plain loop for those it trained.
    """
    plain = found[0][0]
    lines = [
        "| | seconds per run | of all processors | ours is faster | by processors | "
        "last validation loss, theirs | ours, the same runs |",
        "|---|---|---|---|---|---|---|",
        f"| this product, two workers, all recorded | {each.wall:.4f} | {each.processor:.4f} "
        "| | | | |",
    ]
    for name, (taken, reached) in zip(names, found, strict=True):
        wall, processor = (mean_of_sample(taken, plain, kind) for kind in ("wall", "processor"))
        here = fmean(losses[run] for run in reached)
        lines.append(
            f"| {name} | {wall:.3f} | {processor:.3f} | {wall / each.wall:.0f} times | "
            f"{processor / each.processor:.0f} times | {fmean(reached.values()):.4f} | {here:.4f} |"
        )
    return "\n".join(lines)


def mean_of_sample(taken: dict[Key, Taken], plain: dict[Key, Taken], kind: str) -> float:
    """Return the seconds that a run of the whole sample takes, from those of some of its runs."""
    times = {run: getattr(one, kind) for run, one in plain.items()}
    longer = sum(getattr(one, kind) for one in taken.values()) / sum(times[run] for run in taken)
    return float(fmean(times.values()) * longer)


def scaled(product: Product) -> str:
    """Return the table of what a run costs in sweeps of several sizes."""
    lines = ["| runs in the sweep (25 epochs) | ms per run | of all processors |", "|---|---|---|"]
    for width, seeds in (([8, 32], 1), (WIDTHS, 1), (WIDTHS, 4), (WIDTHS, 16)):
        document = sweep(width, epochs=25, seeds=seeds)
        runs = len(validate(document).runs)
        taken, _ = ours(product, document)
        lines.append(
            f"| {runs:,} | {1e3 * taken.wall / runs:.1f} | {1e3 * taken.processor / runs:.1f} |"
        )
    return "\n".join(lines)


def memory(product: Product) -> str:
    """Return what the product has taken at most, workers and all, after the sweeps above."""
    peaks = []
    for process in processes(product):
        status = Path(f"/proc/{process.pid}/status").read_text()
        peaks.append(next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line))
    return (
        f"Memory, the most that each process took: {sum(peaks) / 2**20:.2f} GiB together, "
        f"{max(peaks) / 2**20:.2f} GiB a worker."
    )


if __name__ == "__main__":
    main()

"""Sweeps of many runs, compared with other libraries: `python -m bench.sweep [--write]`.

The product is measured as `./lab up` starts it, with two workers, from the request that submits a
sweep until its last run is recorded as finished. The other libraries train some of the same runs,
one after the other: each width and each number of samples once, and a fraction of these for the
slow libraries. The product is measured before and after them, so that a busy machine slows both.

Needs the extra `peers` (JAX, Lightning and Keras). With --write, the tables go to
docs/benchmarks.md.
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
from bench import matmul_rate, peers
from bench.docs_section import replace_section
from tests.product import Product, run_product

SAMPLES = [50, 100, 150, 200, 300, 500, 700, 1000]
WIDTHS = [4, 8, 12, 16, 24, 32, 48, 64]
PEERS: list[tuple[str, peers.Train, int]] = [  # of this many runs of the sample, one is trained
    ("plain PyTorch loop", peers.train_plain, 1),
    ("Lightning `Trainer.fit`", peers.train_lightning, 4),
    ("Keras `fit`, least work, one thread", peers.with_threads(1, peers.train_keras), 4),
    ("Keras `fit`, least work, two threads", peers.with_threads(2, peers.train_keras), 4),
    ("Keras `fit` as in its guides, one thread", peers.with_threads(1, peers.train_keras_guide), 4),
    (
        "Keras `fit` as in its guides, two threads",
        peers.with_threads(2, peers.train_keras_guide),
        4,
    ),
    ("Keras `fit` that evaluates all parts", peers.with_threads(1, peers.train_keras_all_parts), 8),
]
RunKey = tuple[Any, ...]
FinalLosses = dict[RunKey, float]


def sweep_document(
    width: int | list[int] = WIDTHS, *, epochs: int = 100, seeds: int = 4
) -> dict[str, Any]:
    """Return the specification of the reference sweep, or of a similar one."""
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
        run_product_sweep(product, sweep_document(epochs=2))  # the workers load PyTorch
        text = "\n\n".join(
            [
                *comparison_tables(product),
                jax_table(product),
                memory_use(product),
                scaling_table(product),
            ]
        )
    text += f"\n\n{matmul_rate.table()}\n\n{machine_load()}"
    print(text)
    if write:
        replace_section("Sweeps of many runs", text)


@dataclass(frozen=True)
class Cost:
    """The cost of training: seconds of wall-clock time and of processor time."""

    wall: float
    processor: float


def machine_load() -> str:
    """Return a sentence about the load of the machine, this benchmark included."""
    return (
        f"Measured with {os.cpu_count()} cores; the load of the last 15 minutes, this benchmark's "
        f"included, was {os.getloadavg()[2]:.1f}."
    )


def run_product_sweep(product: Product, document: dict[str, Any]) -> tuple[Cost, FinalLosses]:
    """Return the cost of a sweep from submission to its last run's end, and the last losses."""
    begun, worked = time.perf_counter(), processor_seconds(product)
    with httpx.Client(base_url=product.url, timeout=60) as client:
        experiment = client.post("/api/experiments", json=document).raise_for_status().json()
        path = f"/api/experiments/{experiment['id']}"
        while client.get(path).json()["counts"]["finished"] < experiment["runs"]:
            time.sleep(0.1)
        wall = time.perf_counter() - begun
        items = list(all_items(client, f"{path}/runs"))
    cost = Cost(wall, processor_seconds(product) - worked)
    return cost, {run_key(item["params"]): item["summary"]["val_loss"]["last"] for item in items}


def processor_seconds(product: Product) -> float:
    """Return the processor time that all processes of the product have used."""
    return sum(sum(process.cpu_times()[:2]) for process in processes(product))


def processes(product: Product) -> list[psutil.Process]:
    started = psutil.Process(product.process.pid)
    return [started, *started.children(recursive=True)]


def all_items(client: httpx.Client, path: str) -> Iterator[dict[str, Any]]:
    """Yield the items of all pages of a list."""
    page = client.get(path).json()
    yield from page["items"]
    while page["next_cursor"]:
        page = client.get(path, params={"cursor": page["next_cursor"]}).json()
        yield from page["items"]


def run_key(params: dict[str, Any]) -> RunKey:
    return tuple(params[path] for path in ("model.width", "dataset.n_train", "training.seed"))


def latin_square(specs: Sequence[RunSpec]) -> list[RunSpec]:
    """Return a run of every number of samples, with widths spread over them, of the first seed."""
    widths = sorted({spec.model.width or 0 for spec in specs})
    wanted = {(widths[3 * i % len(widths)], n, 0) for i, n in enumerate(SAMPLES)}
    return [spec for spec in specs if run_key(spec.params()) in wanted]


def train_peer(
    train: peers.Train, specs: Sequence[RunSpec]
) -> tuple[dict[RunKey, Cost], FinalLosses]:
    """Train runs one after the other; return the cost of each, and the last losses."""
    train(validate(sweep_document(4, epochs=1, seeds=1)).runs[0])  # loads libraries
    costs, losses = {}, {}
    for spec in specs:
        begun, worked = time.perf_counter(), time.process_time()
        losses[run_key(spec.params())] = train(spec)
        costs[run_key(spec.params())] = Cost(
            time.perf_counter() - begun, time.process_time() - worked
        )
    return costs, losses


def comparison_tables(product: Product) -> Iterator[str]:
    """Yield the tables of the reference sweep and of a wide one: the product and the others."""
    for title, document, selected in (
        ("The reference sweep, 256 runs of 100 epochs, widths 4 to 64", sweep_document(), PEERS),
        ("64 runs of 50 epochs, width 128", sweep_document(128, epochs=50, seeds=8), PEERS[:1]),
    ):
        specs = validate(document).runs
        before, losses = run_product_sweep(product, document)
        results = [train_peer(train, latin_square(specs)[::step]) for _, train, step in selected]
        after, _ = run_product_sweep(product, document)
        per_run = Cost(
            (before.wall + after.wall) / 2 / len(specs),
            (before.processor + after.processor) / 2 / len(specs),
        )
        names = [name for name, _, _ in selected]
        yield f"{title}:\n\n{comparison_table(per_run, losses, names, results)}"


def jax_table(product: Product) -> str:
    """Return the table of the whole reference sweep here and as JAX programs (bench/jax_peer.py).

    The product is measured before and after JAX, everything recorded.
    """
    from bench import jax_peer

    document = sweep_document()
    specs = validate(document).runs
    before, losses = run_product_sweep(product, document)
    theirs = jax_peer.train_sweep(specs)
    after, _ = run_product_sweep(product, document)
    ours = (before.wall + after.wall) / 2
    lines = ["| the reference sweep, all 256 runs | seconds | ours is faster |", "|---|---|---|"]
    lines.append(f"| this product, two workers, all recorded | {ours:.1f} | |")
    for title, seconds in (
        ("JAX (jit, vmap over seeds, scan over epochs), running alone", theirs.running),
        ("the same with compilation", theirs.compiling + theirs.running),
    ):
        lines.append(f"| {title} | {seconds:.1f} | {seconds / ours:.2f} times |")
    means = fmean(theirs.losses.values()), fmean(losses[run] for run in theirs.losses)
    lines.append("")
    lines.append(f"Mean last validation loss: JAX {means[0]:.4f}, ours {means[1]:.4f}.")
    return "\n".join(lines)


def comparison_table(
    per_run: Cost,
    losses: FinalLosses,
    names: Sequence[str],
    results: Sequence[tuple[dict[RunKey, Cost], FinalLosses]],
) -> str:
    """Return the table of the product's cost per run and last losses, and those of the others.

    The plain loop is the first peer and trained all runs of the sample. The cost of another peer is
    that of the plain loop, scaled by the ratio of both over the runs that the peer trained.
    """
    plain = results[0][0]
    lines = [
        "| | seconds per run | of all processors | ours is faster | by processors | "
        "last validation loss, theirs | ours, the same runs |",
        "|---|---|---|---|---|---|---|",
        f"| this product, two workers, all recorded | {per_run.wall:.4f} | {per_run.processor:.4f} "
        "| | | | |",
    ]
    for name, (costs, reached) in zip(names, results, strict=True):
        wall, processor = (mean_of_sample(costs, plain, kind) for kind in ("wall", "processor"))
        own = fmean(losses[run] for run in reached)
        lines.append(
            f"| {name} | {wall:.3f} | {processor:.3f} | {wall / per_run.wall:.0f} times | "
            f"{processor / per_run.processor:.0f} times | {fmean(reached.values()):.4f} "
            f"| {own:.4f} |"
        )
    return "\n".join(lines)


def mean_of_sample(costs: dict[RunKey, Cost], plain: dict[RunKey, Cost], kind: str) -> float:
    """Return the seconds per run of the whole sample, extrapolated from some of its runs."""
    times = {run: getattr(cost, kind) for run, cost in plain.items()}
    longer = sum(getattr(cost, kind) for cost in costs.values()) / sum(times[run] for run in costs)
    return float(fmean(times.values()) * longer)


def scaling_table(product: Product) -> str:
    """Return the table of the cost per run in sweeps of several sizes."""
    lines = ["| runs in the sweep (25 epochs) | ms per run | of all processors |", "|---|---|---|"]
    for width, seeds in (([8, 32], 1), (WIDTHS, 1), (WIDTHS, 4), (WIDTHS, 16)):
        document = sweep_document(width, epochs=25, seeds=seeds)
        runs = len(validate(document).runs)
        cost, _ = run_product_sweep(product, document)
        lines.append(
            f"| {runs:,} | {1e3 * cost.wall / runs:.1f} | {1e3 * cost.processor / runs:.1f} |"
        )
    return "\n".join(lines)


def memory_use(product: Product) -> str:
    """Return a sentence about the peak memory of the product's processes after the sweeps."""
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

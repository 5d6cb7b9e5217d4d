"""Speed of the diagnosis of many runs, and of one epoch of each early-stopping criterion.

python -m bench.diagnosis [--runs 10000] [--epochs 1000]
"""

import argparse
import time

import numpy as np

from backend.diagnosis import Curve, diagnose
from backend.diagnosis.stopping_rules import CRITERIA, build


def curves(runs: int, epochs: int) -> list[Curve]:
    """Return noisy falling curves, half of which rise again."""
    draws = np.random.default_rng(0)
    e = np.arange(1, epochs + 1) / epochs
    noisy = []
    for index in range(runs):
        best = draws.uniform(0.1, 0.9)
        rise = np.maximum(0, e - best) * (index % 2)
        validation = 0.5 + np.exp(-e / (best / 4)) + rise + draws.normal(0, 0.02, epochs)
        train = np.exp(-e / 0.2) + draws.normal(0, 0.01, epochs)
        noisy.append(Curve.from_arrays(np.arange(1, epochs + 1), train, validation))
    return noisy


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=1000)
    options = parser.parse_args()
    distinct = curves(min(options.runs, 500), options.epochs)
    began, used = time.perf_counter(), time.process_time()
    for index in range(options.runs):
        diagnose(distinct[index % len(distinct)])
    took, used = time.perf_counter() - began, time.process_time() - used
    amount = f"{options.runs:,} runs of {options.epochs:,} epochs"
    print(f"{amount} diagnosed in {took:.2f} s ({used:.2f} s of a processor)")
    losses = np.random.default_rng(0).uniform(1, 2, (100_000, 2)).tolist()
    for name in CRITERIA:
        rule = build(name)
        began = time.perf_counter()
        for epoch, (train, validation) in enumerate(losses, start=1):
            rule.update(epoch, train, validation)
        seconds = (time.perf_counter() - began) / len(losses)
        print(f"{name}: {seconds * 1e6:.2f} microseconds per epoch")


if __name__ == "__main__":
    main()

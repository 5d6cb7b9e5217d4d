"""A labelled corpus of training histories from this product's engine, to judge the diagnosis.

    python -m bench.diagnosis_corpus make corpus.json.gz [--draw fresh] [--configurations 150]
    python -m bench.diagnosis_corpus report corpus.json.gz [--draw fresh]

The ground truth is the loss on a large clean test set, which no rule sees. A run overfits if its
true loss fell at first and at the end exceeds its minimum by 5 % (and by 2 % of its fall). The
rules were developed on the corpus `first`. `fresh`, which has other data and networks, was looked
at only after they were finished.
"""

import argparse
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backend.errors import InvalidSpec
from backend.specification import RunSpec, validate
from bench.diagnosis_history import LabelledHistory, load, save
from bench.diagnosis_score import report
from worker.training.device import choose_device
from worker.training.group import Failure, Group

FIRST: dict[str, list[Any]] = {
    "dataset.source": [
        "moons",
        "circles",
        "spirals",
        "blobs",
        "xor",
        "sine",
        "line",
        "digits",
        "diabetes",
    ],
    "model.family": ["mlp"],
    "dataset.n_train": [15, 40, 100, 300],
    "dataset.n_validation": [50, 200, 1000],
    "dataset.label_noise": [0.0, 0.0, 0.1, 0.3],
    "dataset.target_noise": [0.1, 0.5],
    "dataset.input_noise": [0.0, 0.2, 0.4],
    "model.width": [2, 8, 64, 200],
    "model.depth": [1, 2],
    "model.activation": ["relu", "tanh"],
    "model.dropout": [0.0, 0.0, 0.5],
    "model.normalisation": ["none", "none", "batch"],
    "training.optimizer": ["adam", "sgd", "adamw"],
    "training.learning_rate": [0.001, 0.005, 0.03],
    "training.weight_decay": [0.0, 0.0, 0.01],
    "training.epochs": [10, 30, 100, 300],
    "training.schedule": ["constant", "constant", "cosine", "step"],
    "training.label_smoothing": [0.0, 0.0, 0.1],
}
FRESH: dict[str, list[Any]] = {
    "dataset.source": ["mnist1d", "mnist5k", "breast_cancer", "polynomial", "digits", "circles"],
    "model.family": ["mlp", "mlp", "cnn"],
    "dataset.n_train": [30, 80, 200, 600],
    "dataset.n_validation": [80, 150, 500],
    "dataset.label_noise": [0.0, 0.0, 0.0, 0.2],
    "dataset.target_noise": [0.2, 0.4],
    "dataset.input_noise": [0.0, 0.0, 0.1],
    "model.width": [4, 16, 32, 128],
    "model.channels": [4, 16],
    "model.depth": [1, 2, 3],
    "model.activation": ["relu", "gelu", "tanh"],
    "model.dropout": [0.0, 0.0, 0.3],
    "model.normalisation": ["none", "none", "layer", "batch"],
    "training.optimizer": ["adam", "adamw", "sgd"],
    "training.batch_size": [16, 64],
    "training.learning_rate": [0.0005, 0.002, 0.01],
    "training.weight_decay": [0.0, 0.0, 0.05],
    "training.epochs": [15, 40, 80, 200],
    "training.schedule": ["constant", "constant", "constant", "cosine", "step"],
}
DRAWS = {"first": (20261123, FIRST), "fresh": (771, FRESH), "fresh again": (8812, FRESH)}
"""Seed and hyperparameters of each corpus. `fresh` was trained after the rules were finished."""
LARGE_TEST = {"digits": 900, "diabetes": 120, "breast_cancer": 200, "mnist5k": 3000}
PARTS = ("train", "val", "test")
GROUP_RUNS = 40  # runs trained together


def documents(draw: str, amount: int, seeds: int) -> Iterator[dict[str, Any]]:
    """Draw valid specifications, without hyperparameters that do not apply to a draw."""
    seed, hyperparameters = DRAWS[draw]
    draws = random.Random(seed)  # noqa: S311
    count = 0
    while count < amount:
        document: dict[str, Any] = {"dataset": {}, "model": {}, "training": {"seeds": seeds}}
        for path, values in hyperparameters.items():
            section, name = path.split(".")
            document[section][name] = draws.choice(values) if values[1:] else values[0]
        document["dataset"]["n_test"] = LARGE_TEST.get(document["dataset"]["source"], 5000)
        if valid := _without_rejected_fields(document):
            count += 1
            yield valid


def _without_rejected_fields(document: dict[str, Any]) -> dict[str, Any] | None:
    for _ in range(12):
        try:
            validate(document)
        except InvalidSpec as refused:
            path = (refused.errors[0].field or "").split("[")[0]
            section, _, name = path.partition(".")
            if name not in document.get(section, {}) or path in ("dataset.source", "model.family"):
                return None
            del document[section][name]
        else:
            return document
    return None


def histories(specs: Sequence[RunSpec], configurations: Sequence[int]) -> Iterator[LabelledHistory]:
    """Train runs together until the end; diverged runs are left out."""
    group = Group(specs, choose_device())
    losses: dict[int, list[list[float]]] = {index: [] for index in range(len(specs))}
    while not group.idle:
        for result in group.epoch():
            if isinstance(result, Failure):
                losses.pop(result.index, None)
                continue
            losses[result.index].append([result.metrics[f"{p}_loss"] for p in PARTS])
            if result.epoch == specs[result.index].training.epochs:
                group.drop(result.index)
    for index, rows in losses.items():
        if np.isfinite(rows).all():
            yield LabelledHistory(configurations[index], *np.array(rows).T.tolist())


def make(target: Path, draw: str, configurations: int, seeds: int) -> None:
    """Train a corpus and write it to a file."""
    pairs = [
        (run, number)
        for number, document in enumerate(documents(draw, configurations, seeds))
        for run in validate(document).runs
    ]
    labelled: list[LabelledHistory] = []
    for start in range(0, len(pairs), GROUP_RUNS):
        specs, numbers = zip(*pairs[start : start + GROUP_RUNS], strict=True)
        labelled += histories(specs, numbers)
        print(f"{start + len(specs)} of {len(pairs)} runs", flush=True)
    save(target, labelled)


def main() -> None:
    """Make a corpus or report on one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("action", choices=["make", "report"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--draw", choices=list(DRAWS), default="first")
    parser.add_argument("--configurations", type=int, default=150)
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    if options.action == "make":
        make(options.file, options.draw, options.configurations, options.seeds)
    print(report(options.draw, load(options.file)))


if __name__ == "__main__":
    main()

"""A labelled corpus of training histories from this product's engine, and how well it is read.

    python -m bench.diagnosis_corpus make corpus.json.gz [--draw fresh] [--configurations 150]
    python -m bench.diagnosis_corpus report corpus.json.gz [--draw fresh]

The truth is the loss on a large clean test set, which no rule sees: a run overfits if its true
loss fell at first, and at the end exceeds its best by 5 % (and by 2 % of its fall). The rules were
made on the corpus `first`; `fresh`, of other data and networks, was looked at once they were done.
"""

import argparse
import gzip
import json
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from backend.diagnosis import Curve, diagnose
from backend.errors import InvalidSpec
from backend.specification import RunSpec, validate
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
"""The seed and the knobs of each corpus: those of `fresh` were trained when the rules were done."""
LARGE_TEST = {"digits": 900, "diabetes": 120, "breast_cancer": 200, "mnist5k": 3000}
PARTS = ("train", "val", "test")
TOGETHER = 40  # runs trained side by side
RISE, SMALLEST, FELL = 0.05, 0.02, 0.01


@dataclass(frozen=True)
class History:
    """One run: its configuration's number, its losses over the epochs, its true losses."""

    configuration: int
    train: Sequence[float]
    validation: Sequence[float]
    truth: Sequence[float]


# --- making


def documents(draw: str, amount: int, seeds: int) -> Iterator[dict[str, Any]]:
    """Draw specifications that can be trained; what a draw cannot have is left out of it."""
    seed, knobs = DRAWS[draw]
    draws = random.Random(seed)  # noqa: S311
    made = 0
    while made < amount:
        document: dict[str, Any] = {"dataset": {}, "model": {}, "training": {"seeds": seeds}}
        for path, values in knobs.items():
            section, name = path.split(".")
            document[section][name] = draws.choice(values) if values[1:] else values[0]
        document["dataset"]["n_test"] = LARGE_TEST.get(document["dataset"]["source"], 5000)
        if trainable := _without_what_is_refused(document):
            made += 1
            yield trainable


def _without_what_is_refused(document: dict[str, Any]) -> dict[str, Any] | None:
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


def histories(specs: Sequence[RunSpec], configurations: Sequence[int]) -> Iterator[History]:
    """Train runs to their ends, side by side; what diverges is left out."""
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
            yield History(configurations[index], *np.array(rows).T.tolist())


def make(target: Path, draw: str, configurations: int, seeds: int) -> None:
    """Train the corpus and write it."""
    pairs = [
        (run, number)
        for number, document in enumerate(documents(draw, configurations, seeds))
        for run in validate(document).runs
    ]
    found: list[History] = []
    for start in range(0, len(pairs), TOGETHER):
        specs, numbers = zip(*pairs[start : start + TOGETHER], strict=True)
        found += histories(specs, numbers)
        print(f"{start + len(specs)} of {len(pairs)} runs", flush=True)
    save(target, found)


def save(target: Path, found: Sequence[History]) -> None:
    """Write histories, their losses to five digits."""
    rows = [
        [one.configuration, *([float(f"{x:.5g}") for x in each] for each in _parts(one))]
        for one in found
    ]
    target.write_bytes(gzip.compress(json.dumps(rows).encode(), 9, mtime=0))


def _parts(one: History) -> list[Sequence[float]]:
    return [one.train, one.validation, one.truth]


def load(source: Path) -> list[History]:
    """Read what `save` wrote."""
    return [History(*row) for row in json.loads(gzip.decompress(source.read_bytes()))]


# --- judging


def truth(one: History) -> tuple[bool, int]:
    """Return whether the true loss rose, and the index of its lowest."""
    losses = np.array(one.truth)
    window = max(3, round(len(losses) / 20))
    low, end = float(losses.min()), float(np.median(losses[-window:]))
    best, fall = int(losses.argmin()), float(losses[0]) - low
    rose = end - low > max(RISE * low, SMALLEST * fall) and len(losses) - 1 - best >= window
    return rose and fall > FELL * float(losses[0]), best


def jumps(one: History) -> bool:
    """Whether the true loss jumps by more than what decides, so that its lowest is a chance.

    Or whether train loss rises with it: then training lost its way, which is not overfitting.
    """
    losses, train = np.array(one.truth), np.array(one.train)
    window = max(3, round(len(losses) / 20))
    around = np.median(np.lib.stride_tricks.sliding_window_view(losses, window), axis=1)
    best = int(around.argmin())
    jump = float(around.min()) / float(losses.min()) - 1
    rises = float(np.median(train[-window:])) > float(np.median(train[best : best + window]))
    return jump > RISE or (rises and truth(one)[0])


def clear(one: History) -> bool:
    """Whether the true rise is far from the 5 % that decide: below half of it, or above twice."""
    losses = np.array(one.truth)
    window = max(3, round(len(losses) / 20))
    rise = float(np.median(losses[-window:]) / losses.min()) - 1
    return not RISE / 2 < rise < 2 * RISE


def ours(one: History) -> tuple[bool, int | None]:
    """Return our verdict and onset index, from train and validation loss alone."""
    steps = range(1, len(one.train) + 1)
    found = diagnose(Curve.from_arrays(list(steps), one.train, one.validation))
    return bool(found.overfitting), None if found.onset_step is None else found.onset_step - 1


def baseline(one: History) -> tuple[bool, int | None]:
    """Return the plain rule's: the median of the last 5 % of points 5 % above the minimum."""
    losses = np.array(one.validation)
    best = int(losses.argmin())
    window = min(10, max(3, len(losses) // 20))
    rose = float(np.median(losses[-window:])) > (1 + RISE) * float(losses[best])
    flagged = rose and len(losses) - 1 - best >= 3
    return flagged, best if flagged else None


@dataclass(frozen=True)
class Score:
    """Agreement with the truth: F1, Matthews correlation, share of onsets within 5 %."""

    f1: float
    mcc: float
    onset: float


def score(rows: Sequence[tuple[bool, bool, float | None]]) -> Score:
    """Return the score of (truth, verdict, onset error as a share of the run's length)."""
    tp = sum(t and v for t, v, _ in rows)
    fp = sum(not t and v for t, v, _ in rows)
    fn = sum(t and not v for t, v, _ in rows)
    tn = len(rows) - tp - fp - fn
    f1 = 2 * tp / max(1, 2 * tp + fp + fn)
    product = float(tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    mcc = (tp * tn - fp * fn) / product**0.5 if product else 0.0
    errors = [error for _, _, error in rows if error is not None]
    return Score(f1, mcc, sum(e <= 0.05 for e in errors) / max(1, len(errors)))


def judged(found: Sequence[History], rule: Any) -> dict[int, list[tuple[bool, bool, float | None]]]:
    """Return truth, verdict and onset error of every run, by configuration."""
    rows = defaultdict(list)
    for one in found:
        (true, at), (flagged, onset) = truth(one), rule(one)
        error = abs(at - onset) / len(one.train) if true and onset is not None else None
        rows[one.configuration].append((true, flagged, error))
    return rows


def interval(rows: dict[int, list[tuple[bool, bool, float | None]]]) -> list[tuple[Score, Score]]:
    """Return the 95 % bootstrap interval over configurations, as the scores at both ends."""
    draws, keys = random.Random(0), list(rows)  # noqa: S311
    scores = [
        score([row for key in draws.choices(keys, k=len(keys)) for row in rows[key]])
        for _ in range(1000)
    ]
    ends = [
        Score(*(float(np.quantile([getattr(s, f) for s in scores], q)) for f in FIELDS))
        for q in (0.025, 0.975)
    ]
    return [(ends[0], ends[1])]


FIELDS = ("f1", "mcc", "onset")
RULES = {"Overfit Lab": ours, "final 5 % above minimum": baseline}


def report(draw: str, found: Sequence[History]) -> str:
    """Return the table of both rules on a corpus and its clear cases, in Markdown."""
    lines = [
        "| part | rule | runs (overfitting) | F1 | Matthews correlation | onset within 5 % |",
        "|---|---|---|---|---|---|",
    ]
    sure = [one for one in found if clear(one)]
    parts = {
        draw: found,
        f"{draw}, clear": sure,
        f"{draw}, clear and steady": [one for one in sure if not jumps(one)],
    }
    for part, histories in parts.items():
        positive = sum(truth(one)[0] for one in histories)
        for name, rule in RULES.items():
            rows = judged(histories, rule)
            value = score([row for each in rows.values() for row in each])
            [(low, high)] = interval(rows)
            cells = [
                f"{getattr(value, f):.3f} ({getattr(low, f):.3f} to {getattr(high, f):.3f})"
                for f in FIELDS
            ]
            lines.append(
                f"| {part} | {name} | {len(histories)} ({positive}) | {' | '.join(cells)} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Make the corpus, or report on one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", choices=["make", "report"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--draw", choices=list(DRAWS), default="first")
    parser.add_argument("--configurations", type=int, default=150)
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    if options.what == "make":
        make(options.file, options.draw, options.configurations, options.seeds)
    print(report(options.draw, load(options.file)))


if __name__ == "__main__":
    main()

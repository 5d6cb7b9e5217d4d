"""The data sources: raw samples, a function of the data set's knobs and the seed.

Every part is drawn in an order whose beginning is itself a fair, stratified sample: a smaller
training set of the same seed is the beginning of a larger one.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits, load_iris

from backend.spec.run import Dataset
from worker.training.streams import Purpose, stream

Array = NDArray[Any]
PartName = Literal["train", "validation", "test"]
PARTS: Final[tuple[PartName, ...]] = ("train", "validation", "test")
GOLDEN = (5**0.5 - 1) / 2


def draw(dataset: Dataset, seed: int) -> dict[PartName, tuple[Array, Array]]:
    """Return each part's inputs [n, features] and targets, before input and label noise.

    Targets are classes [n] or regressed values [n, outputs].
    """
    sizes = {name: getattr(dataset, f"n_{name}") for name in PARTS}
    if dataset.source in _GENERATED:
        make = _GENERATED[dataset.source]
        return {name: make(dataset, seed, name, size) for name, size in sizes.items()}
    x, y = _stored(dataset.source)
    order = stratified_order(y, stream(seed, Purpose.SPLIT))
    rows = {
        # from the end, so that no other part's size moves the training rows
        "train": order[::-1][: sizes["train"]],
        "test": order[: sizes["test"]],
        "validation": order[sizes["test"] :][: sizes["validation"]],
    }
    return {name: (x[rows[name]], y[rows[name]]) for name in PARTS}


def spread(generator: np.random.Generator, n: int) -> Array:
    """Return n numbers in [0, 1), evenly spread at every length (steps of the golden ratio)."""
    return np.asarray((generator.uniform() + GOLDEN * np.arange(n)) % 1.0)


def stratified_order(labels: Array, generator: np.random.Generator) -> Array:
    """Return row numbers, shuffled so that every stretch holds the classes in their shares."""
    place = np.empty(len(labels))
    for label in np.unique(labels):
        rows = generator.permutation(np.flatnonzero(labels == label))
        place[rows] = (np.arange(len(rows)) + generator.uniform()) / len(rows)
    return np.argsort(place, kind="stable")


def _points(dataset: Dataset, seed: int, part: PartName, n: int) -> tuple[Array, Array]:
    """y = 3 x + noise over x from -3 to 3; the training dots are evenly spread."""
    inputs = stream(seed, Purpose.INPUTS, PARTS.index(part))
    x = 6 * (spread(inputs, n) if part == "train" else inputs.uniform(size=n)) - 3
    noise = stream(seed, Purpose.TARGETS, PARTS.index(part)).normal(size=n)
    y = 3 * x + (dataset.target_noise or 0.0) * noise
    return x[:, None], y[:, None]


def _moons(_: Dataset, seed: int, part: PartName, n: int) -> tuple[Array, Array]:
    """Two interleaved half circles of radius 1, the classes in turn."""
    angle = np.pi * stream(seed, Purpose.INPUTS, PARTS.index(part)).uniform(size=n)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
    label = np.arange(n) % 2
    return np.where(label[:, None] == 0, upper, lower), label


_GENERATED: dict[str, Callable[[Dataset, int, PartName, int], tuple[Array, Array]]] = {
    "points": _points,
    "moons": _moons,
}


@cache
def _stored(name: str) -> tuple[Array, Array]:
    load = {"iris": load_iris, "digits": load_digits}[name]
    x, y = load(return_X_y=True)
    return x, y

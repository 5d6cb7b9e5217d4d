"""Checks on one combination of knobs: what no single knob can know."""

from collections.abc import Callable, Mapping
from typing import Any

from backend.errors import FieldError
from backend.spec.catalogue import SOURCES
from backend.spec.cost import fixed_weights, inputs, parameters, polynomial_terms

MAX_PARAMETERS = 2_000_000
MAX_TERMS = 3_000
Cell = Mapping[str, Any]


def check_combination(cell: Cell) -> FieldError | None:
    """Return the first reason why one combination cannot be trained, or None."""
    found = (check(cell) for check in _CHECKS)
    return next((error for error in found if error), None)


def _rows(cell: Cell) -> FieldError | None:
    source = SOURCES[cell["dataset.source"]]
    n_train, n_validation, n_test = (
        cell[f"dataset.{part}"] for part in ("n_train", "n_validation", "n_test")
    )
    if source.rows is None or n_train + n_validation + n_test <= source.rows:
        return None
    left = source.rows - n_validation - n_test
    name = cell["dataset.source"]
    if left < 1:
        return FieldError(
            "dataset.n_validation",
            f"dataset.n_validation is {n_validation} and dataset.n_test is {n_test}; accepted: "
            f"together at most {source.rows - 1:,}, as {name} has {source.rows:,} rows.",
        )
    return FieldError(
        "dataset.n_train",
        f"dataset.n_train is {n_train}; accepted: at most {left:,}, as {name} has {source.rows:,} "
        f"rows and validation and test take {n_validation + n_test:,}.",
    )


def _inputs(cell: Cell) -> FieldError | None:
    name, given = cell["dataset.source"], cell.get("dataset.n_features")
    needed = SOURCES[name].features
    if given is None or given >= needed:
        return None
    return FieldError(
        "dataset.n_features",
        f"dataset.n_features is {given}; accepted with {name}: {needed} or more.",
    )


def _image(cell: Cell) -> FieldError | None:
    if cell["model.family"] != "cnn":
        return None
    name, depth = cell["dataset.source"], cell["model.depth"]
    side = SOURCES[name].side
    if side is None:
        images = [name for name, source in SOURCES.items() if source.side]
        return FieldError(
            "model.family",
            f"model.family is cnn; accepted with {name}: mlp, polynomial, random_features "
            f"(cnn is for images: {', '.join(images)}).",
        )
    deepest = side.bit_length() - 1  # each convolution halves the image
    if 1 <= depth <= deepest:
        return None
    return FieldError(
        "model.depth",
        f"model.depth is {depth}; accepted with cnn on {name}: 1 to {deepest}, "
        f"as each convolution halves the {side} by {side} image.",
    )


def _optimizer(cell: Cell) -> FieldError | None:
    family = cell["model.family"]
    if cell.get("training.optimizer") != "closed_form" or family == "polynomial":
        return None
    return FieldError(
        "training.optimizer",
        f"training.optimizer is closed_form; accepted with {family}: sgd, adam, adamw "
        "(closed_form is for polynomial and random_features).",
    )


def _batch_norm(cell: Cell) -> FieldError | None:
    if cell.get("model.normalisation") != "batch":
        return None
    n_train, size = cell["dataset.n_train"], cell["training.batch_size"]
    if min(n_train, size) > 1 and n_train % size != 1:
        return None
    return FieldError(
        "training.batch_size",
        f"training.batch_size is {size}, which leaves a batch of 1 from {n_train} samples; "
        "accepted with normalisation batch: sizes that leave none.",
    )


def _terms(cell: Cell) -> FieldError | None:
    if cell["model.family"] != "polynomial" or polynomial_terms(cell) <= MAX_TERMS:
        return None
    return FieldError(
        "model.degree",
        f"model.degree is {cell['model.degree']}, which of {inputs(cell)} inputs makes "
        f"{polynomial_terms(cell):,} terms; accepted: at most {MAX_TERMS:,}.",
    )


def _size(cell: Cell) -> FieldError | None:
    count, knob = parameters(cell) + fixed_weights(cell), _SIZED_BY[cell["model.family"]]
    if count <= MAX_PARAMETERS:
        return None
    depth = f" with depth {cell['model.depth']}" if "model.depth" in cell else ""
    return FieldError(
        knob,
        f"{knob} is {cell.get(knob)}, which{depth} makes {count:,} weights; "
        f"accepted: at most {MAX_PARAMETERS:,}.",
    )


_SIZED_BY = {
    "polynomial": "model.degree",
    "mlp": "model.width",
    "cnn": "model.channels",
    "random_features": "model.width",
}
_CHECKS: tuple[Callable[[Cell], FieldError | None], ...] = (
    _rows, _inputs, _image, _optimizer, _batch_norm, _terms, _size,
)  # fmt: skip

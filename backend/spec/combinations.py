"""Checks on one combination of knobs: what no single knob can know."""

from collections.abc import Mapping
from typing import Any

from backend.errors import FieldError
from backend.spec.catalogue import SOURCES
from backend.spec.cost import parameters

MAX_PARAMETERS = 2_000_000


def check_combination(cell: Mapping[str, Any]) -> FieldError | None:
    """Return the first reason why one combination cannot be trained, or None."""
    return _rows(cell) or _polynomial_inputs(cell) or _size(cell)


def _rows(cell: Mapping[str, Any]) -> FieldError | None:
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


def _polynomial_inputs(cell: Mapping[str, Any]) -> FieldError | None:
    fits = [name for name, source in SOURCES.items() if source.features <= 2]
    if cell["model.family"] != "polynomial" or cell["dataset.source"] in fits:
        return None
    return FieldError(
        "model.family",
        f"model.family is polynomial; accepted with {cell['dataset.source']}: mlp "
        f"(polynomials are for {' and '.join(fits)}).",
    )


def _size(cell: Mapping[str, Any]) -> FieldError | None:
    count = parameters(cell)
    if count <= MAX_PARAMETERS:
        return None
    return FieldError(
        "model.width",
        f"model.width is {cell['model.width']}, which with depth {cell['model.depth']} makes "
        f"{count:,} parameters; accepted: at most {MAX_PARAMETERS:,}.",
    )

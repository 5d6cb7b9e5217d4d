"""Checks on one combination of knobs: what no single knob can know."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from backend.errors import FieldError
from backend.specification.cost import fixed_weights, inputs, parameters, polynomial_terms
from backend.specification.features import ALL, inputs_needed
from backend.specification.memory import solving_bytes
from backend.specification.sources import SOURCES

MAX_PARAMETERS = 2_000_000
MAX_TERMS = 3_000
MAX_SOLVING_BYTES = 4 << 30  # which then takes some ten minutes at most
Cell = Mapping[str, Any]


class _Unknown(Exception):
    """A check has read a knob whose value is not known."""


class _Partly(Mapping[str, Any]):
    """A combination of which some knobs are not known: to read one raises _Unknown."""

    def __init__(self, cell: Cell, unknown: Collection[str]) -> None:
        self._cell, self._unknown = cell, unknown

    def __getitem__(self, path: str) -> Any:
        if path in self._unknown:
            raise _Unknown
        return self._cell[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._cell)

    def __len__(self) -> int:
        return len(self._cell)


def check_combination(cell: Cell, *, unknown: Collection[str] = ()) -> FieldError | None:
    """Return the first reason why one combination cannot be trained, or None.

    Reasons in which one of the `unknown` knobs has a part are left out.
    """
    known = _Partly(cell, unknown) if unknown else cell
    found = (_checked(check, known) for check in _CHECKS)
    return next((error for error in found if error), None)


def _checked(check: Callable[[Cell], FieldError | None], cell: Cell) -> FieldError | None:
    try:
        return check(cell)
    except _Unknown:
        return None


def _refused(knob: str, value: Any, accepted: str, *, why: str = "") -> FieldError:
    return FieldError(knob, f"{knob} is {value}{why}; accepted{accepted}.")


def _rows(cell: Cell) -> FieldError | None:
    name = cell["dataset.source"]
    rows = SOURCES[name].rows
    n_train, n_validation, n_test = (
        cell[f"dataset.{part}"] for part in ("n_train", "n_validation", "n_test")
    )
    if rows is None or n_train + n_validation + n_test <= rows:
        return None
    left = rows - n_validation - n_test
    if left < 1:
        both = f" and dataset.n_test is {n_test}"
        most = f": together at most {rows - 1:,}, as {name} has {rows:,} rows"
        return _refused("dataset.n_validation", n_validation, most, why=both)
    most = (
        f": at most {left:,}, as {name} has {rows:,} rows and validation and test take "
        f"{n_validation + n_test:,}"
    )
    return _refused("dataset.n_train", n_train, most)


def _inputs(cell: Cell) -> FieldError | None:
    name, given = cell["dataset.source"], cell.get("dataset.n_features")
    needed = SOURCES[name].features
    if given is None or given >= needed:
        return None
    return _refused("dataset.n_features", given, f" with {name}: {needed} or more")


def _features(cell: Cell) -> FieldError | None:
    chosen, there = cell.get("model.features", ALL), inputs(cell)
    if inputs_needed(chosen) <= there:
        return None
    accepted = f" with {cell['dataset.source']}: {'x1' if there == 1 else f'x1 to x{there}'}"
    return _refused("model.features", chosen, f"{accepted}, as it has {there:,} inputs")


def _image(cell: Cell) -> FieldError | None:
    if cell["model.family"] != "cnn":
        return None
    name, depth = cell["dataset.source"], cell["model.depth"]
    side = SOURCES[name].side
    if side is None:
        images = ", ".join(name for name, source in SOURCES.items() if source.side)
        others = f" with {name}: mlp, polynomial, random_features (cnn is for images: {images})"
        return _refused("model.family", "cnn", others)
    deepest = side.bit_length() - 1  # each convolution halves the image
    if 1 <= depth <= deepest:
        return None
    accepted = (
        f" with cnn on {name}: 1 to {deepest}, as each convolution halves the {side} by {side} "
        "image"
    )
    return _refused("model.depth", depth, accepted)


def _optimizer(cell: Cell) -> FieldError | None:
    family = cell["model.family"]
    if cell.get("training.optimizer") != "closed_form" or family == "polynomial":
        return None
    others = f" with {family}: sgd, adam, adamw (closed_form is for polynomial and random_features)"
    return _refused("training.optimizer", "closed_form", others)


def _batch_norm(cell: Cell) -> FieldError | None:
    if cell.get("model.normalisation") != "batch":
        return None
    n_train, size = cell["dataset.n_train"], cell["training.batch_size"]
    if min(n_train, size) > 1 and n_train % size != 1:
        return None
    why = f", which leaves a batch of 1 from {n_train} samples"
    accepted = " with normalisation batch: sizes that leave none"
    return _refused("training.batch_size", size, accepted, why=why)


def _terms(cell: Cell) -> FieldError | None:
    if cell["model.family"] != "polynomial" or polynomial_terms(cell) <= MAX_TERMS:
        return None
    why = f", which of {inputs(cell)} inputs makes {polynomial_terms(cell):,} terms"
    return _refused("model.degree", cell["model.degree"], f": at most {MAX_TERMS:,}", why=why)


def _size(cell: Cell) -> FieldError | None:
    count, knob = parameters(cell) + fixed_weights(cell), _SIZED_BY[cell["model.family"]]
    knob = "model.layers" if "model.layers" in cell else knob
    if count <= MAX_PARAMETERS:
        return None
    depth = f" with depth {cell['model.depth']}" if "model.depth" in cell else ""
    why = f", which{depth} makes {count:,} weights"
    return _refused(knob, cell.get(knob), f": at most {MAX_PARAMETERS:,}", why=why)


def _solving(cell: Cell) -> FieldError | None:
    family, n_train = cell["model.family"], cell["dataset.n_train"]
    if family != "random_features" and cell.get("training.optimizer") != "closed_form":
        return None
    count, knob = solving_bytes(cell), _SIZED_BY[family]
    if count <= MAX_SOLVING_BYTES:
        return None
    return FieldError(
        knob,
        f"{knob} is {cell[knob]}, which with dataset.n_train {n_train} takes "
        f"{count / 2**30:.1f} GiB to solve in closed form; "
        f"accepted: at most {MAX_SOLVING_BYTES / 2**30:.0f} GiB, so fewer of either.",
    )


_SIZED_BY = {
    "polynomial": "model.degree",
    "mlp": "model.width",
    "cnn": "model.channels",
    "random_features": "model.width",
}
_CHECKS: tuple[Callable[[Cell], FieldError | None], ...] = (
    _rows, _inputs, _features, _image, _optimizer, _batch_norm, _terms, _size, _solving,
)  # fmt: skip

"""Types of stored and sent data: JSON objects, and the flat hyperparameters of runs."""

import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Self

JsonObject = dict[str, Any]
"""A JSON object: a specification, a diagnosis, a response of the REST interface."""

ParamValue = str | int | float | bool | None
"""The value of one hyperparameter, as JSON carries it."""

Params = Mapping[str, ParamValue]
"""Values of hyperparameters by dotted path, such as ``{"model.width": 8}``."""


class OwnName(str):
    """The path of a hyperparameter whose role a param of an external run has.

    It equals the path, so the analysis finds it. `name` is the param's name in the person's own
    program, which labels show.
    """

    name: str

    def __new__(cls, path: str, name: str) -> Self:
        """Make a path that is shown as `name`."""
        own = super().__new__(cls, path)
        own.name = name
        return own


Axes = Mapping[str, Sequence[ParamValue]]
"""Several values of each of some hyperparameters, by dotted path."""


def as_number(value: ParamValue) -> float:
    """Return the value of a numeric hyperparameter. Raises TypeError for names and text."""
    if isinstance(value, int | float):
        return value
    raise TypeError(f"{value!r} is not a number")


def number_in(value: str | int | float) -> float | None:
    """Return a number, or the finite number that a text is, such as "1e-3"; None for other text."""
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return None
    number = float(value)
    return number if isfinite(number) else None


_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)

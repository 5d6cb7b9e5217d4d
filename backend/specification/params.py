"""Types of stored and sent data: JSON objects, and the flat hyperparameters of runs."""

from collections.abc import Mapping, Sequence
from typing import Any

JsonObject = dict[str, Any]
"""A JSON object: a specification, a diagnosis, a response of the REST interface."""

ParamValue = str | int | float | bool | None
"""The value of one hyperparameter, as JSON carries it."""

Params = Mapping[str, ParamValue]
"""Values of hyperparameters by dotted path, such as ``{"model.width": 8}``."""

Axes = Mapping[str, Sequence[ParamValue]]
"""Several values of each of some hyperparameters, by dotted path."""


def as_number(value: ParamValue) -> float:
    """Return the value of a numeric hyperparameter. Raises TypeError for names and text."""
    if isinstance(value, int | float):
        return value
    raise TypeError(f"{value!r} is not a number")

"""Types of flat parameters: the form in which a run's specification is stored and sent."""

from collections.abc import Mapping, Sequence

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

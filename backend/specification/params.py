"""Types of flat parameters: the form in which a run's specification is stored and sent."""

from collections.abc import Mapping

ParamValue = str | int | float | bool | None
"""The value of one hyperparameter, as JSON carries it."""

Params = Mapping[str, ParamValue]
"""Values of hyperparameters by dotted path, such as ``{"model.width": 8}``."""

"""When a hyperparameter has an effect on a run, derived from the declarations."""

from collections.abc import Sequence
from functools import lru_cache

from backend.specification.hyperparameters import AXES, SECTIONS, Hyperparameter
from backend.specification.params import Params, ParamValue

CONTROLS = tuple(
    dict.fromkeys(control for hyperparameter in AXES.values() for control in hyperparameter.when)
)
"""The hyperparameters on whose values it depends whether others apply."""


def applicable(values: Params) -> frozenset[str]:
    """Return the paths of the hyperparameters that have an effect, given values of all controls."""
    return _applicable(tuple(values[control.path] for control in CONTROLS))


@lru_cache(10_000)
def _applicable(values: tuple[ParamValue, ...]) -> frozenset[str]:
    chosen = dict(zip(CONTROLS, values, strict=True))
    return frozenset(
        path for path, hyperparameter in AXES.items() if _applies(hyperparameter, chosen)
    )


def _applies(hyperparameter: Hyperparameter, chosen: dict[Hyperparameter, ParamValue]) -> bool:
    return all(
        (chosen[control] if _applies(control, chosen) else idle_value(control)) in allowed
        for control, allowed in hyperparameter.when.items()
    )


def idle_value(hyperparameter: Hyperparameter) -> ParamValue:
    """Return the value that a run has where a hyperparameter of an axis does not apply."""
    field = SECTIONS[hyperparameter.section].model_fields[hyperparameter.name]
    value: ParamValue = None if field.is_required() else field.default
    return value


def in_words(hyperparameter: Hyperparameter) -> str:
    """Describe when a hyperparameter applies: "family mlp or cnn, and depth 1 or more"."""
    return ", and ".join(_condition(*condition) for condition in hyperparameter.when.items())


def _condition(control: Hyperparameter, allowed: Sequence[ParamValue]) -> str:
    values = [value for value in allowed if value is not None]
    others = getattr(allowed, "others", "")
    if not values and others:
        return str(others)
    if not values:
        return f"no {control.name}"
    if control.schema.get("type") == "integer":
        return f"{control.name} {values[0]} or more"
    *first, last = [str(value) for value in values] + ([others] if others else [])
    return f"{control.name} {', '.join(first)} or {last}" if first else f"{control.name} {last}"

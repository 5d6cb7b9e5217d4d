"""Filters and orders of logged models. An experiment has few of them, so they are read whole."""

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from operator import eq, ge, gt, le, lt, ne, or_
from typing import Any

from backend.mlflow.bodies import ModelOrder
from backend.mlflow.filters import MODELS, Comparison, split_name
from backend.store.logged_models import ModelPoint
from backend.store.tables import LoggedModel

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge
}  # fmt: skip
_ATTRIBUTES: dict[str, Callable[[LoggedModel], Any]] = {
    "name": lambda model: model.name,
    "model_id": lambda model: model.model_id,
    "model_type": lambda model: model.model_type,
    "status": lambda model: model.status.removeprefix("LOGGED_MODEL_"),
    "source_run_id": lambda model: model.source_run_id,
    "creation_timestamp": lambda model: model.created_at,
    "creation_timestamp_ms": lambda model: model.created_at,
    "last_updated_timestamp_ms": lambda model: model.updated_at,
}


def matching(
    model: LoggedModel, points: Sequence[ModelPoint], conditions: Sequence[Comparison]
) -> bool:
    """Return whether a model fulfils all conditions."""
    return all(_holds(_value(model, points, c.entity, c.key), c) for c in conditions)


def sorted_models(
    models: Sequence[LoggedModel],
    points: Mapping[str, Sequence[ModelPoint]],
    order: Sequence[ModelOrder],
) -> list[LoggedModel]:
    """Sort models, which are given newest first; those without a value come last."""
    result = list(models)
    for column in reversed(order):
        entity, key = split_name(column.field_name, MODELS)
        values = {
            model.model_id: _value(model, points[model.model_id], entity, key) for model in models
        }
        present = [model for model in result if values[model.model_id] is not None]
        absent = [model for model in result if values[model.model_id] is None]
        present.sort(key=lambda m: values[m.model_id], reverse=not column.ascending)
        result = [*present, *absent]
    return result


def _value(model: LoggedModel, points: Sequence[ModelPoint], entity: str, key: str) -> Any:
    """Return what a comparison names, None if the model lacks it."""
    if entity == "param":
        return model.params.get(key)
    if entity == "tag":
        return model.tags.get(key)
    if entity == "metric":
        values = [point.value for point in points if point.key == key]
        return values[-1] if values else None
    return _ATTRIBUTES[key](model)


def _holds(value: Any, condition: Comparison) -> bool:
    match condition.operator:
        case "IS NULL":
            return value is None
        case "IS NOT NULL":
            return value is not None
        case "IN":
            return value in _texts(condition)
        case "NOT IN":
            return value is not None and value not in _texts(condition)
        case "LIKE" | "ILIKE":
            texts = (str(value), str(condition.value))
            if condition.operator == "ILIKE":
                texts = (texts[0].lower(), texts[1].lower())
            return value is not None and _like(*texts)
    return value is not None and _COMPARE[condition.operator](value, condition.value)


def _texts(condition: Comparison) -> tuple[str, ...]:
    return condition.value if isinstance(condition.value, tuple) else ()


def _like(text: str, pattern: str) -> bool:
    """Match the wildcards % and _, in time that grows with the product of both lengths."""
    fits = [True, *(False for _ in text)]  # fits[n]: the pattern so far matches n characters
    for sign in pattern:
        if sign == "%":
            fits = list(accumulate(fits, or_))
        else:
            fits = [False, *(fits[n] and sign in ("_", char) for n, char in enumerate(text))]
    return fits[-1]

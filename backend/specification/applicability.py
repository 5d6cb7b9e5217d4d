"""When a knob applies: one table, which the checks, their sentences and the form all read."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from backend.specification.hyperparameters import AXES, SECTIONS
from backend.specification.optimizers import gradient_optimizers
from backend.specification.sources import SOURCES

When = Mapping[str, Sequence[Any]]
"""Controlling knobs, each with those of its values that let another knob apply."""


def _sources(problem: str) -> list[str]:
    return [name for name, source in SOURCES.items() if source.problem == problem]


_DRAWN = [name for name, source in SOURCES.items() if source.rows is None]
_BY_GRADIENTS: When = {"training.optimizer": gradient_optimizers()}
_IN_STEPS: When = {**_BY_GRADIENTS, "training.schedule": ["step"]}
_HIDDEN_LAYERS = [None, *range(1, 9)]  # None: random features have no depth, layers tell it
_ALL_ALIKE: When = {"model.layers": [None]}

WHEN: dict[str, When] = {
    "dataset.n_features": {"dataset.source": _DRAWN},
    "dataset.target_noise": {"dataset.source": _sources("regression")},
    "dataset.label_noise": {"dataset.source": _sources("classification")},
    "model.degree": {"model.family": ["polynomial"]},
    "model.features": {"model.family": ["mlp", "random_features"]},
    "model.layers": {"model.family": ["mlp"]},
    "model.depth": {"model.family": ["mlp", "cnn"], **_ALL_ALIKE},
    "model.width": {
        "model.family": ["mlp", "random_features"],
        "model.depth": _HIDDEN_LAYERS,
        **_ALL_ALIKE,
    },
    "model.channels": {"model.family": ["cnn"]},
    "model.activation": {"model.family": ["mlp", "cnn"], "model.depth": _HIDDEN_LAYERS},
    "model.normalisation": {"model.family": ["mlp"], "model.depth": _HIDDEN_LAYERS},
    "model.dropout": {"model.family": ["mlp"], "model.depth": _HIDDEN_LAYERS},
    "training.optimizer": {"model.family": ["polynomial", "mlp", "cnn"]},
    "training.epochs": _BY_GRADIENTS,
    "training.batch_size": _BY_GRADIENTS,
    "training.learning_rate": _BY_GRADIENTS,
    "training.momentum": {"training.optimizer": ["sgd"]},
    "training.schedule": _BY_GRADIENTS,
    "training.schedule_every": _IN_STEPS,
    "training.schedule_factor": _IN_STEPS,
    "training.l1_penalty": _BY_GRADIENTS,
    "training.loss": {"dataset.source": _sources("classification"), **_BY_GRADIENTS},
    "training.label_smoothing": {"training.loss": ["cross_entropy"]},
}
"""Knobs that are not here always apply."""


CONTROLS = tuple(dict.fromkeys(control for when in WHEN.values() for control in when))
"""The knobs on which it depends whether others apply."""


def applicable(chosen: Mapping[str, Any]) -> frozenset[str]:
    """Return the paths of the knobs that have an effect, given those that control them."""
    return _applicable(tuple(chosen[control] for control in CONTROLS))


@lru_cache(10_000)
def _applicable(values: tuple[Any, ...]) -> frozenset[str]:
    chosen = dict(zip(CONTROLS, values, strict=True))
    return frozenset(path for path in AXES if _applies(path, chosen))


def _applies(path: str, chosen: Mapping[str, Any]) -> bool:
    return all(
        (chosen[control] if _applies(control, chosen) else idle_value(control)) in allowed
        for control, allowed in WHEN.get(path, {}).items()
    )


def idle_value(path: str) -> Any:
    """Return what a knob is where it does not apply."""
    section, name = path.split(".")
    field = SECTIONS[section].model_fields[name]
    return None if field.is_required() else field.default


def in_words(path: str) -> str:
    """Say when a knob applies: "family mlp or cnn, and depth 1 or more"."""
    return ", and ".join(_condition(*pair) for pair in WHEN[path].items())


def _condition(control: str, allowed: Sequence[Any]) -> str:
    name = control.split(".")[1]
    values = [value for value in allowed if value is not None]
    if not values:
        return f"no {name}"
    if AXES[control].schema.get("type") == "integer":
        return f"{name} {min(values)} or more"
    *others, last = values
    return f"{name} {', '.join(others)} or {last}" if others else f"{name} {last}"

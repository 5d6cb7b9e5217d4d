"""When hyperparameters apply."""

from typing import Any

import pytest

from backend.specification.applicability import applicable, idle_value, in_words
from backend.specification.hyperparameters import AXES, HYPERPARAMETERS
from backend.specification.hyperparameters.model import WIDTH
from backend.specification.hyperparameters.training import MOMENTUM
from tests.specs import run_spec

CASES: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "a network on drawn classes": (
        "moons", {"model__depth": 1},
        {"n_features", "label_noise", "features", "layers", "depth", "width", "activation",
         "normalisation", "dropout",
         "epochs", "batch_size", "optimizer", "learning_rate", "l1_penalty",
         "schedule", "loss", "label_smoothing"},
    ),
    "a network with layers of different widths": (
        "diabetes", {"model__layers": "8-4"},
        {"target_noise", "features", "layers", "activation", "normalisation", "dropout", "epochs",
         "batch_size", "optimizer", "learning_rate", "l1_penalty", "schedule"},
    ),
    "a single layer on real values": (
        "diabetes", {"model__depth": 0, "training__optimizer": "sgd"},
        {"target_noise", "features", "layers", "depth", "epochs", "batch_size", "optimizer",
         "learning_rate", "l1_penalty", "momentum", "schedule"},
    ),
    "a polynomial in steps": (
        "iris",
        {"model__family": "polynomial", "training__schedule": "step", "training__loss": "mse"},
        {"label_noise", "degree", "epochs", "batch_size", "optimizer", "learning_rate", "momentum",
         "l1_penalty", "schedule", "schedule_every", "schedule_factor", "loss"},
    ),
    "a polynomial in closed form": (
        "line", {"training__optimizer": "closed_form"},
        {"n_features", "target_noise", "degree", "optimizer"},
    ),
    "random features": (
        "digits", {"model__family": "random_features"}, {"label_noise", "features", "width"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_only_hyperparameters_with_an_effect_apply(case: str) -> None:
    source, values, expected = CASES[case]
    idle = {path: idle_value(hyperparameter) for path, hyperparameter in AXES.items()}
    conditional = {path for path, hyperparameter in AXES.items() if hyperparameter.when}
    paths = applicable(idle | run_spec(source, **values).params()) & conditional
    assert {AXES[path].name for path in paths} == expected


def test_a_run_has_idle_values_where_hyperparameters_do_not_apply() -> None:
    run = run_spec("moons", model__family="random_features")
    assert (run.training.epochs, run.training.optimizer, run.training.loss) == (
        1, "closed_form", "mse",
    )  # fmt: skip
    assert run.training.batch_size is run.model.depth is None


def test_a_hyperparameter_may_be_set_to_its_idle_value() -> None:
    run = run_spec("diabetes", training__loss="mse")
    assert run.training.loss == "mse"


@pytest.mark.parametrize("path", HYPERPARAMETERS)
def test_conditions_name_values_that_the_control_accepts(path: str) -> None:
    for control, allowed in HYPERPARAMETERS[path].when.items():
        assert allowed or getattr(allowed, "others", "")  # tables are known only while running
        assert not control.names or set(allowed) <= set(control.names)


def test_conditions_are_written_in_words() -> None:
    width = "family mlp or random_features, and depth 1 or more, and no layers"
    assert in_words(WIDTH) == width
    assert in_words(MOMENTUM) == "optimizer sgd"

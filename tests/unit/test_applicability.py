"""When knobs apply."""

from typing import Any

import pytest

from backend.specification.applicability import WHEN, applicable, idle_value, in_words
from backend.specification.hyperparameters import AXES
from backend.specification.sources import SOURCES
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
def test_just_the_knobs_with_an_effect_apply(case: str) -> None:
    source, knobs, expected = CASES[case]
    params = {path: idle_value(path) for path in AXES} | run_spec(source, **knobs).params()
    found = {path.split(".")[1] for path in applicable(params) & WHEN.keys()}
    assert found == expected


def test_a_run_has_the_knobs_that_apply_and_the_idle_values_of_the_others() -> None:
    run = run_spec("moons", model__family="random_features")
    assert (run.training.epochs, run.training.optimizer, run.training.loss) == (
        1, "closed_form", "mse",
    )  # fmt: skip
    assert run.training.batch_size is run.model.depth is None


def test_a_knob_may_be_given_as_what_it_is_anyway() -> None:
    run = run_spec("diabetes", training__loss="mse")
    assert run.training.loss == "mse"


def test_controls_are_declared_with_values_that_they_can_take() -> None:
    for when in WHEN.values():
        for control, allowed in when.items():
            accepted = SOURCES if control == "dataset.source" else AXES[control].schema.get("enum")
            assert accepted is None or set(allowed) <= set(accepted)


def test_when_a_knob_applies_is_said_in_words() -> None:
    width = "family mlp or random_features, and depth 1 or more, and no layers"
    assert in_words("model.width") == width
    assert in_words("training.momentum") == "optimizer sgd"

"""Every accepted combination of source and model family can be trained."""

from typing import Any

import numpy as np
import pytest

from backend.specification import RunSpec
from backend.specification.data_sources import SOURCES
from backend.specification.estimates import parameters
from tests.specs import run_specs
from worker.training.device import choose_device
from worker.training.group import EpochResult, Group

SMALL: dict[str, Any] = {
    "dataset__n_train": 40,
    "dataset__n_validation": 20,
    "dataset__n_test": 20,
}
MODELS: tuple[dict[str, Any], ...] = (
    {"model__family": "polynomial", "training__optimizer": ["sgd", "closed_form"]},
    {"model__family": "random_features", "model__width": 30, "training__weight_decay": [0, 0.1]},
    {"model__family": "mlp", "model__depth": [0, 1], "model__width": 4},
    {"model__family": "mlp", "model__width": 4, "model__normalisation": ["batch", "layer"]},
    {"model__layers": "5-3", "model__family": "mlp", "training__l1_penalty": [0, 0.01]},
    {
        "model__width": 4,
        "model__family": "mlp",
        "model__features": "x1 + x1^2 + sin(5*x1)",
        "model__activation": ["linear", "tanh"],
    },
    {"model__family": "mlp", "model__width": 4, "training__schedule": ["cosine", "step"]},
)
FOR_IMAGES: tuple[dict[str, Any], ...] = ({"model__family": "cnn", "model__channels": 2},)
FOR_CLASSES: tuple[dict[str, Any], ...] = (
    {"model__family": "mlp", "model__width": 4, "training__loss": ["mse", "cross_entropy"]},
)


def specs_of(source: str) -> list[RunSpec]:
    """Return small runs of every model that is compatible with a source."""
    known = SOURCES[source]
    models = MODELS + FOR_IMAGES * bool(known.side)
    models += FOR_CLASSES * (known.problem == "classification")
    return [spec for model in models for spec in run_specs(source, **SMALL, **model)]


@pytest.mark.parametrize("source", SOURCES)
def test_every_model_trains_on_every_compatible_source(source: str) -> None:
    specs = specs_of(source)
    group = Group(specs, choose_device())
    for result in group.epoch():
        assert isinstance(result, EpochResult)
        assert np.isfinite(list(result.metrics.values())).all()
    for index, spec in enumerate(specs):
        assert parameters(spec) > 0
        assert [snapshot.epoch for snapshot in group.snapshots(index)] == [1, 1]

"""The computation of each family of models, under the names in backend/specification/families."""

from functools import reduce

import torch
from torch import Tensor

from backend.specification import RunSpec
from worker.training.architectures.architecture import (
    Architecture,
    GradientTraining,
    LinearFit,
    ModelWeights,
)
from worker.training.architectures.cnn import CNN
from worker.training.architectures.mlp import MLP
from worker.training.architectures.polynomial import POLYNOMIAL
from worker.training.architectures.random_features import RANDOM_FEATURES

__all__ = ["ARCHITECTURES", "Architecture", "gradient_training", "initial", "linear_fit", "predict"]

ARCHITECTURES: dict[str, Architecture] = {
    "polynomial": POLYNOMIAL,
    "mlp": MLP,
    "cnn": CNN,
    "random_features": RANDOM_FEATURES,
}


def gradient_training(family: str) -> GradientTraining:
    """Return how a family is trained by gradients. Raises TypeError if it is not."""
    training = ARCHITECTURES[family].by_gradients
    if training is None:
        raise TypeError(f"{family} cannot be trained by gradients")
    return training


def linear_fit(family: str) -> LinearFit:
    """Return how a family is fitted in closed form. Raises TypeError if it is not."""
    fit = ARCHITECTURES[family].closed_form
    if fit is None:
        raise TypeError(f"{family} has no closed form")
    return fit


def initial(spec: RunSpec) -> ModelWeights:
    """Return the weights that a run starts with, in float32. They depend on the seed alone."""
    return gradient_training(spec.model.family).initial(spec)


def predict(spec: RunSpec, weights: ModelWeights, inputs: Tensor) -> Tensor:
    """Return a model's outputs [n, outputs] for model inputs [n, inputs]."""
    # closed-form models have fitted weights in float64 and drawn weights in float32
    precision = reduce(torch.promote_types, (value.dtype for value in weights.values()))
    return ARCHITECTURES[spec.model.family].predict(spec, weights, inputs.to(precision))

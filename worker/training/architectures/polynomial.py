"""Polynomials: a weighted sum of Legendre terms. The weights start at 0."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from backend.series import Array
from backend.specification import RunSpec
from worker.training import perceptron
from worker.training.architectures.architecture import GradientTraining, LinearFit, linear_model
from worker.training.feature_maps import legendre_features
from worker.training.stack import Stack

if TYPE_CHECKING:
    from worker.training.member import GroupMember

NAME = "coefficients"


def _model_inputs(spec: RunSpec, scaled: Array) -> Array:
    return legendre_features(scaled, spec.model.degree or 0)


def _initial(spec: RunSpec) -> dict[str, Tensor]:
    return {NAME: torch.zeros(spec.dataset.output_count, spec.family.model_inputs(spec))}


def _weight_views(
    member: "GroupMember", parameters: Stack, _: Stack, position: int
) -> Iterator[tuple[str, Tensor]]:
    yield NAME, parameters["weight 0"][position, : member.outputs, : member.n_features]


POLYNOMIAL = linear_model(
    LinearFit(NAME),
    GradientTraining(_initial, _weight_views, perceptron),
    model_inputs=_model_inputs,
    input_settings=("degree",),
)

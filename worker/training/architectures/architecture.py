"""Architecture: how the models of one family are built and evaluated."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from torch import Tensor

from backend.series import Array
from backend.specification import RunSpec

if TYPE_CHECKING:
    from worker.training.layers import StackedLayer
    from worker.training.member import GroupMember
    from worker.training.network import Site
    from worker.training.program import TrainingProgram
    from worker.training.stack import Stack

ModelWeights = Mapping[str, Tensor]
"""The weights of one model by name, in their unpadded shapes."""


class StackedNetwork(Protocol):
    """The layers of several models on one stack, for training by gradients."""

    def shapes(self, program: "TrainingProgram", /) -> dict[str, tuple[int, ...]]:
        """Return the padded shapes of one model's parameters."""

    def layers(self, site: "Site", /) -> "Iterator[StackedLayer]":
        """Yield the layers."""


@dataclass(frozen=True)
class GradientTraining:
    """The parts of an architecture for training by gradients.

    `initial` returns the weights that a run starts with, `weight_views` yields the name of each
    tensor of a member and the view of its position in the stacks of parameters and of running
    statistics. `biased` models have a column of ones among the inputs of their first layer.
    """

    initial: Callable[[RunSpec], ModelWeights]
    weight_views: "Callable[[GroupMember, Stack, Stack, int], Iterator[tuple[str, Tensor]]]"
    stacked: StackedNetwork
    biased: bool = False


def no_layer(_: RunSpec) -> dict[str, Tensor]:
    """Return no weights: the features themselves are fitted."""
    return {}


def unchanged(_: ModelWeights, features: Tensor) -> Tensor:
    """Return the features."""
    return features


@dataclass(frozen=True)
class LinearFit:
    """The part for closed-form training: a weighted sum of features, fitted by least squares.

    `name` is that of the fitted tensor [outputs, features]. `draw_layer` returns weights that are
    drawn and never trained, and `features` applies them.
    """

    name: str
    draw_layer: Callable[[RunSpec], ModelWeights] = no_layer
    features: Callable[[ModelWeights, Tensor], Tensor] = unchanged


def scaled_features(_: RunSpec, scaled: Array) -> Array:
    """Return the scaled features [n, features] unchanged."""
    return scaled


@dataclass(frozen=True)
class Architecture:
    """The computation of one family.

    `predict` returns the outputs [n, outputs] of model inputs [n, inputs]. `model_inputs` makes
    model inputs from scaled features, depending on the model settings `input_settings`.
    """

    predict: Callable[[RunSpec, ModelWeights, Tensor], Tensor]
    by_gradients: GradientTraining | None = None
    closed_form: LinearFit | None = None
    model_inputs: Callable[[RunSpec, Array], Array] = scaled_features
    input_settings: tuple[str, ...] = ()


def linear_model(
    fit: LinearFit,
    by_gradients: GradientTraining | None = None,
    *,
    model_inputs: Callable[[RunSpec, Array], Array] = scaled_features,
    input_settings: tuple[str, ...] = (),
) -> Architecture:
    """Return the architecture of a weighted sum of features."""

    def predict(_: RunSpec, weights: ModelWeights, inputs: Tensor) -> Tensor:
        return fit.features(weights, inputs) @ weights[fit.name].T

    return Architecture(predict, by_gradients, fit, model_inputs, input_settings)

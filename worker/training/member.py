"""One run as a member of a group: its specification, its data and its progress."""

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from backend.series import Array
from backend.specification.run_spec import RunSpec
from worker.training.architectures import ARCHITECTURES, gradient_training, initial
from worker.training.data import Data, load
from worker.training.feature_maps import select_features
from worker.training.fits import FitGrid, make_grid
from worker.training.program import TrainingProgram
from worker.training.stack import Stack

PART_KEYS = ("train", "val", "test")


class GroupMember:
    """The data and progress of a run; its weights belong to the ensemble that trains it."""

    def __init__(self, spec: RunSpec) -> None:
        self.spec = spec
        self.data: Data = load(spec)
        self.outputs = spec.dataset.output_count
        self.classifies = spec.source.problem == "classification"
        self.closed_form = not spec.optimizer.by_gradients
        self._architecture = ARCHITECTURES[spec.model.family]
        by_gradients = self._architecture.by_gradients
        self.biased = by_gradients is not None and by_gradients.biased
        self.epoch = 0
        self.best_epoch, self.best_loss = 0, math.inf

    def features(self, x: Array) -> Array:
        """Return the model inputs for raw inputs [n, inputs]: scaled features or basis terms."""
        scaled = self.data.scaling(select_features(x, self.spec.model.features))
        return self._architecture.model_inputs(self.spec, scaled)

    def targets(self, y: Array) -> Array:
        """Return targets in the form of the losses [n, outputs]: values or one-hot classes."""
        return np.eye(self.outputs)[y] if self.classifies else y

    @property
    def data_key(self) -> Hashable:
        """Everything that the features and targets of a member depend on."""
        model = self.spec.model
        settings = (getattr(model, name) for name in self._architecture.input_settings)
        return self.spec.dataset, self.spec.training.seed, model.family, model.features, *settings

    @cached_property
    def n_features(self) -> int:
        """Number of model inputs: features or basis terms."""
        return int(self.features(self.data.train.x[:1]).shape[1])

    @cached_property
    def fit_grid(self) -> tuple[FitGrid | None, Array]:
        """The grid on which the fit is drawn, and the model inputs at its points."""
        if not self.drawable:
            return None, np.empty((0, 0))
        grid = make_grid(np.concatenate([self.data.train.x, self.data.validation.x]))
        return grid, self.features(grid.points)

    @property
    def drawable(self) -> bool:
        """True if the fit can be drawn."""
        return self.spec.dataset.drawable

    @property
    def metric_keys(self) -> list[str]:
        """Names of a member's metrics, in the order in which an ensemble returns them."""
        kinds = ("loss", "accuracy") if self.classifies else ("loss",)
        keys = [f"{part}_{kind}" for kind in kinds for part in PART_KEYS]
        return [*keys, "weight_norm"] if self.closed_form else keys

    def advance(self, validation_loss: float) -> bool:
        """Record the validation loss of the epoch just trained; return whether it is the best."""
        if not validation_loss < self.best_loss:
            return False
        self.best_epoch, self.best_loss = self.epoch, validation_loss
        return True


def fill_initial(members: Sequence[GroupMember], parameters: Stack, running: Stack) -> None:
    """Set the initial weights of every member."""
    for position, member in enumerate(members):
        weights = initial(member.spec)
        for name, view in weight_views(member, parameters, running, position):
            view.copy_(weights[name].view(view.shape))


def weights_by_name(
    member: GroupMember, parameters: Stack, running: Stack, position: int
) -> Mapping[str, Tensor]:
    """Return copies of a member's weights by name, in their unpadded shapes."""
    weights = {
        name: view.clone() for name, view in weight_views(member, parameters, running, position)
    }
    # the units of an image's channels are not adjacent in a padded stack
    return {name: w.flatten(1) if w.dim() == 3 else w for name, w in weights.items()}


def real_units(program: TrainingProgram, members: Sequence[GroupMember]) -> list[Tensor]:
    """Return a mask per hidden layer [members, units, 1]: 1 for real units, 0 for padding."""
    widths = torch.tensor([member.spec.model.hidden for member in members])  # [members, layers]
    return [
        (torch.arange(padded) < widths[:, layer, None]).unsqueeze(2)
        for layer, padded in enumerate(program.widths)
    ]


def weight_views(
    member: GroupMember, parameters: Stack, running: Stack, position: int
) -> Iterator[tuple[str, Tensor]]:
    """Return the name of each tensor of a member with the view of its position in the stacks."""
    views = gradient_training(member.spec.model.family).weight_views
    return views(member, parameters, running, position)

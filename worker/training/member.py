"""One run as a member of a group: its specification, its data and its progress."""

import math
from collections.abc import Hashable
from functools import cached_property

import numpy as np

from backend.datasets.sequences import Array
from backend.specification.run_spec import RunSpec
from backend.specification.sources import SOURCES, drawable
from worker.training import feature_maps
from worker.training.data import Data, load
from worker.training.feature_maps import select_features
from worker.training.fits import FitGrid, make_grid

PART_KEYS = ("train", "val", "test")


class GroupMember:
    """The data and progress of a run; its weights belong to the ensemble that trains it."""

    def __init__(self, spec: RunSpec) -> None:
        self.spec = spec
        self.data: Data = load(spec)
        source = SOURCES[spec.dataset.source]
        self.outputs = source.outputs
        self.classifies = source.problem == "classification"
        self.cross_entropy = self.classifies and spec.training.loss != "mse"
        self.closed_form = spec.training.optimizer == "closed_form"
        self.epoch = 0
        self.best_epoch, self.best_loss = 0, math.inf

    def features(self, x: Array) -> Array:
        """Return the model inputs for raw inputs [n, inputs]: scaled features or basis terms."""
        scaled = self.data.scaling(select_features(x, self.spec.model.features))
        return (
            scaled
            if self.spec.model.degree is None
            else feature_maps.legendre_features(scaled, self.spec.model.degree)
        )

    def targets(self, y: Array) -> Array:
        """Return targets in the form of the losses [n, outputs]: values or one-hot classes."""
        return np.eye(self.outputs)[y] if self.classifies else y

    @property
    def data_key(self) -> Hashable:
        """Everything that the features and targets of a member depend on."""
        model = self.spec.model
        feature_map = model.family, model.degree, model.features
        return self.spec.dataset, self.spec.training.seed, *feature_map

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
        return drawable(self.spec.dataset.source, self.data.train.x.shape[1])

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

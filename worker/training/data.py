"""A run's data: drawn, split, noised and scaled, all from its specification."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from backend.spec.catalogue import SOURCES
from backend.spec.run import Family, RunSpec
from worker.training.sources import PARTS, Array, draw, spread
from worker.training.streams import Purpose, stream


@dataclass(frozen=True)
class Part:
    """Samples in raw units: x [n, features]; y classes [n] or values [n, outputs]."""

    x: Array
    y: Array


@dataclass(frozen=True)
class Scaling:
    """The affine map from raw inputs to what the model sees: (x - mean) / scale, per feature."""

    mean: Array
    scale: Array

    @classmethod
    def fit(cls, x: Array, family: Family) -> Self:
        """Fit to training inputs: zero mean and unit deviation, or for polynomials -1 to 1."""
        if family == "polynomial":
            low, high = x.min(axis=0), x.max(axis=0)
            mean, scale = (low + high) / 2, (high - low) / 2
        else:
            mean, scale = x.mean(axis=0), x.std(axis=0)
        # a feature that never varies, as some pixels of the digits, is only centred
        return cls(mean, np.where(scale > 1e-12, scale, 1.0))

    def __call__(self, x: Array) -> Array:
        """Scale raw inputs [n, features]."""
        return np.asarray((x - self.mean) / self.scale)


@dataclass(frozen=True)
class Data:
    """The three parts, the scaling fitted on the first, and which training labels are wrong."""

    train: Part
    validation: Part
    test: Part
    scaling: Scaling
    mislabelled: Array

    @property
    def parts(self) -> tuple[Part, Part, Part]:
        """Train, validation, test."""
        return self.train, self.validation, self.test


def load(spec: RunSpec) -> Data:
    """Return the data of a run: the same for every run that shares data set knobs and seed."""
    dataset, seed = spec.dataset, spec.training.seed
    drawn = draw(dataset, seed)
    train, validation, test = (
        Part(x + dataset.input_noise * _noise(seed, index, x.shape), y)
        for index, (x, y) in enumerate(drawn[name] for name in PARTS)
    )
    mislabelled = np.zeros(dataset.n_train, dtype=bool)
    if dataset.label_noise:
        classes = SOURCES[dataset.source].outputs
        labels, mislabelled = _flip(train.y, dataset.label_noise, seed, classes)
        train = Part(train.x, labels)
    scaling = Scaling.fit(train.x, spec.model.family)
    return Data(train, validation, test, scaling, mislabelled)


def _noise(seed: int, part: int, shape: tuple[int, ...]) -> Array:
    return stream(seed, Purpose.INPUT_NOISE, part).normal(size=shape)


def _flip(labels: Array, share: float, seed: int, classes: int) -> tuple[Array, Array]:
    """Give a share of the labels another class; return the labels and which were changed."""
    generator = stream(seed, Purpose.LABEL_NOISE)
    chosen = spread(generator, len(labels)) < share
    other = (labels + generator.integers(1, classes, size=len(labels))) % classes
    return np.where(chosen, other, labels), chosen


def reference_loss(spec: RunSpec, data: Data) -> float:
    """Return the validation loss of always giving the same answer.

    The answer is the training mean, or the training class shares, each class counted once more
    so that one unseen in training has a share too.
    """
    if SOURCES[spec.dataset.source].problem == "regression":
        return float(np.mean((data.validation.y - data.train.y.mean(axis=0)) ** 2))
    counts = np.bincount(data.train.y, minlength=SOURCES[spec.dataset.source].outputs) + 1
    return float(-np.log(counts / counts.sum())[data.validation.y].mean())

"""A run's data: drawn, split, noised and scaled, all from its specification."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Self

import numpy as np
from cachetools import LRUCache, cached

from backend.datasets.draws import PARTS, TEST_SEED, PartName, flipped
from backend.datasets.sequences import Array
from backend.specification.features import ALL
from backend.specification.run_spec import Dataset, Family, RunSpec
from backend.specification.sources import SOURCES, Scale
from worker.training.features import of_inputs
from worker.training.sources import draw

CACHE_BYTES = 256 << 20


@dataclass(frozen=True)
class Part:
    """Samples in raw units: x [n, features]; y classes [n] or values [n, outputs]."""

    x: Array
    y: Array


@dataclass(frozen=True)
class Scaling:
    """The affine map from features to what the model sees: (x - mean) / scale, per feature."""

    mean: Array
    scale: Array

    @classmethod
    def fit(cls, x: Array, family: Family, scale: Scale) -> Self:
        """Fit to training inputs: -1 to 1 for polynomials, else zero mean and unit deviation.

        The deviation is each feature's, or that of all together, or they stay as they are.
        """
        if family == "polynomial":
            low, high = x.min(axis=0), x.max(axis=0)
            mean, deviation = (low + high) / 2, (high - low) / 2
        elif scale == "feature":
            mean, deviation = x.mean(axis=0), x.std(axis=0)
        elif scale == "all":
            mean, deviation = np.full(x.shape[1], x.mean()), np.full(x.shape[1], x.std())
        else:
            mean, deviation = np.zeros(x.shape[1]), np.ones(x.shape[1])
        # a feature that never varies, as some pixels of the digits, is only centred
        return cls(mean, np.where(deviation > 1e-12, deviation, 1.0))

    def __call__(self, x: Array) -> Array:
        """Scale features [n, features]: raw inputs, or what is made of them."""
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
    """Return the data of a run: the same for every run that shares data set knobs and seed.

    Runs of this process with the same part get the very same arrays, which cannot be written to.
    """
    dataset, seed = spec.dataset, spec.training.seed
    train, validation, test = (_part(dataset, seed, name) for name in PARTS)
    mislabelled = np.zeros(dataset.n_train, dtype=bool)
    if dataset.label_noise:
        classes = SOURCES[dataset.source].outputs
        labels, mislabelled = flipped(train.y, dataset.label_noise, seed, classes)
        train = Part(train.x, labels)
    chosen = spec.model.features
    scale = SOURCES[dataset.source].scale if chosen == ALL else "feature"
    scaling = Scaling.fit(of_inputs(train.x, chosen), spec.model.family, scale)
    return Data(train, validation, test, scaling, mislabelled)


def noise_free_test(spec: RunSpec) -> Part:
    """Return the test samples of a run with the targets as they are without target noise.

    The same inputs as those of `load`: inputs and the noise of targets are drawn apart.
    """
    dataset = spec.dataset
    if dataset.target_noise:
        dataset = dataset.model_copy(update={"target_noise": 0.0})
    return _part(dataset, spec.training.seed, "test")


def _part_key(dataset: Dataset, seed: int, part: PartName) -> Hashable:
    """Return all that a part depends on."""
    rows = dataset.n_test if SOURCES[dataset.source].rows else None
    noise = dataset.n_features, dataset.input_noise, dataset.target_noise
    seed = seed if part != "test" else TEST_SEED
    return dataset.source, part, getattr(dataset, f"n_{part}"), rows, seed, noise


@cached(LRUCache(CACHE_BYTES, lambda part: part.x.nbytes + part.y.nbytes), key=_part_key)
def _part(dataset: Dataset, seed: int, part: PartName) -> Part:
    x, y = draw(dataset, seed, part)
    x.setflags(write=False)
    y.setflags(write=False)
    return Part(x, y)


def reference_loss(spec: RunSpec, data: Data) -> float:
    """Return the validation loss of always giving the same answer.

    The answer is the training mean, or the training class shares, each class counted once more
    so that one unseen in training has a share too.
    """
    y, outputs = data.validation.y, SOURCES[spec.dataset.source].outputs
    if SOURCES[spec.dataset.source].problem == "regression":
        return float(np.mean((y - data.train.y.mean(axis=0)) ** 2))
    counts = np.bincount(data.train.y, minlength=outputs) + 1
    shares = counts / counts.sum()
    if spec.training.loss == "mse":
        return float(np.mean((np.eye(outputs)[y] - shares) ** 2))
    return float(-np.log(shares)[y].mean())

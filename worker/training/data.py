"""The data of a run, drawn, split, noised and scaled according to its specification."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Self

import numpy as np
from cachetools import LRUCache, cached

from backend.datasets.sampling import PARTS, TEST_SEED, DataPart, flipped
from backend.series import Array
from backend.specification.data_sources import SOURCES, InputScale
from backend.specification.hyperparameters import Dataset
from backend.specification.notation import ALL_INPUTS
from backend.specification.run_spec import RunSpec
from worker.training.feature_maps import select_features
from worker.training.losses import LOSS_FUNCTIONS
from worker.training.raw_samples import draw_part
from worker.training.table_samples import draw_table

CACHE_BYTES = 256 << 20  # parts of data sets that runs of this process share


@dataclass(frozen=True)
class Samples:
    """Samples in raw units: x [n, features]; y classes [n] or values [n, outputs].

    `rows` are the row numbers of samples from a table.
    """

    x: Array
    y: Array
    rows: Array | None = None


@dataclass(frozen=True)
class Scaling:
    """The affine map from features to model inputs: (x - mean) / scale, for each feature."""

    mean: Array
    scale: Array

    @classmethod
    def fit(cls, x: Array, scale: InputScale) -> Self:
        """Fit to training inputs, to the range from -1 to 1 or to zero mean and unit deviation.

        `scale` selects whether the deviation is computed per feature or over all features together.
        With scale "none" the inputs stay unchanged.
        """
        if scale == "range":
            low, high = x.min(axis=0), x.max(axis=0)
            mean, deviation = (low + high) / 2, (high - low) / 2
        elif scale == "feature":
            mean, deviation = x.mean(axis=0), x.std(axis=0)
        elif scale == "all":
            mean, deviation = np.full(x.shape[1], x.mean()), np.full(x.shape[1], x.std())
        else:
            mean, deviation = np.zeros(x.shape[1]), np.ones(x.shape[1])
        # a constant feature, such as some pixels of the digits, is only centred
        return cls(mean, np.where(deviation > 1e-12, deviation, 1.0))

    def __call__(self, x: Array) -> Array:
        """Scale features [n, features]."""
        return np.asarray((x - self.mean) / self.scale)


@dataclass(frozen=True)
class Data:
    """The three parts, the scaling fitted on the first, and which training labels are wrong."""

    train: Samples
    validation: Samples
    test: Samples
    scaling: Scaling
    mislabelled: Array

    @property
    def parts(self) -> tuple[Samples, Samples, Samples]:
        """The parts in the order train, validation, test."""
        return self.train, self.validation, self.test


def load(spec: RunSpec) -> Data:
    """Return the data of a run, which its data set settings and its seed determine.

    Runs of this process that have a part in common share the same read-only arrays.
    """
    dataset, seed = spec.dataset, spec.training.seed
    train, validation, test = _parts(dataset, seed)
    mislabelled = np.zeros(dataset.n_train, dtype=bool)
    if dataset.label_noise:
        classes = SOURCES[dataset.source].outputs
        labels, mislabelled = flipped(train.y, dataset.label_noise, seed, classes)
        train = Samples(train.x, labels, train.rows)
    scaling = Scaling.fit(select_features(train.x, spec.model.features), _scale(spec))
    return Data(train, validation, test, scaling, mislabelled)


def _parts(dataset: Dataset, seed: int) -> tuple[Samples, Samples, Samples]:
    if SOURCES[dataset.source].table is not None:
        drawn = draw_table(dataset, seed)
        return Samples(*drawn["train"]), Samples(*drawn["validation"]), Samples(*drawn["test"])
    train, validation, test = (_part(dataset, seed, name) for name in PARTS)
    return train, validation, test


def _scale(spec: RunSpec) -> InputScale:
    """Return the scaling of the features: by family or source; selected features one by one."""
    if spec.family.scale is not None:
        return spec.family.scale
    if spec.dataset.scaling is not None:
        return "none" if spec.dataset.scaling == "none" else "feature"
    return spec.source.scale if spec.model.features == ALL_INPUTS else "feature"


def noise_free_test(spec: RunSpec) -> Samples:
    """Return the test samples of a run, with targets free of target noise.

    The inputs are those of `load`, because inputs and target noise have random streams of their
    own.
    """
    dataset = spec.dataset
    if dataset.target_noise:
        dataset = dataset.model_copy(update={"target_noise": 0.0})
    if spec.source.table is not None:
        return _parts(dataset, spec.training.seed)[2]
    return _part(dataset, spec.training.seed, "test")


def _part_key(dataset: Dataset, seed: int, part: DataPart) -> Hashable:
    """Return everything that a part depends on."""
    rows = dataset.n_test if SOURCES[dataset.source].rows else None
    noise = dataset.n_features, dataset.input_noise, dataset.target_noise
    seed = seed if part != "test" else TEST_SEED
    return dataset.source, part, getattr(dataset, f"n_{part}"), rows, seed, noise


@cached(LRUCache(CACHE_BYTES, lambda part: part.x.nbytes + part.y.nbytes), key=_part_key)
def _part(dataset: Dataset, seed: int, part: DataPart) -> Samples:
    x, y = draw_part(dataset, seed, part)
    x.setflags(write=False)
    y.setflags(write=False)
    return Samples(x, y)


def reference_loss(spec: RunSpec, data: Data) -> float:
    """Return the validation loss of a constant prediction.

    The prediction is the training mean or the training class frequencies. Each class is counted
    once in addition, so that a class that is missing from the training set has a probability above
    0.
    """
    y, outputs = data.validation.y, SOURCES[spec.dataset.source].outputs
    if SOURCES[spec.dataset.source].problem == "regression":
        return float(np.mean((y - data.train.y.mean(axis=0)) ** 2))
    counts = np.bincount(data.train.y, minlength=outputs) + 1
    frequencies = counts / counts.sum()
    return LOSS_FUNCTIONS[spec.training.loss].of_frequencies(y, frequencies)

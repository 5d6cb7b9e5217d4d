"""Samples of the parts of generated data, determined by the data set's settings and the seed.

Every part is drawn in an order of which each prefix is a fair sample. The test part is the same for
all seeds, so that their models are compared on the same samples.
"""

from typing import Final, Literal

import numpy as np

from backend.datasets.formulas import FORMULAS
from backend.datasets.random_streams import Purpose, spread, stream
from backend.series import Array
from backend.specification.data_sources import SOURCES
from backend.specification.hyperparameters import Dataset

DataPart = Literal["train", "validation", "test"]
PARTS: Final[tuple[DataPart, ...]] = ("train", "validation", "test")
TEST_SEED = 0


def generated(dataset: Dataset, seed: int, part: DataPart) -> tuple[Array, Array]:
    """Draw a part of a generated source, without the noise that the specification adds.

    Returns inputs [n, inputs] and classes [n] or values [n]. Inputs that the formula does not use
    are standard normal.
    """
    n, which = getattr(dataset, f"n_{part}"), PARTS.index(part)
    inputs = dataset.input_count
    generator = stream(seed, Purpose.INPUTS, which)
    x, y = FORMULAS[dataset.source](generator, n, part == "train", inputs)
    noise = stream(seed, Purpose.NOISE_INPUTS, which).normal(size=(n, inputs - x.shape[1]))
    return np.concatenate([x, noise], axis=1), y


def with_noise(
    dataset: Dataset, seed: int, part: DataPart, x: Array, y: Array
) -> tuple[Array, Array]:
    """Add all noise but label noise to the inputs [n, inputs] and the targets of a part.

    Targets are classes [n] or regressed values [n, 1].
    """
    which = PARTS.index(part)
    if dataset.input_noise:
        noise = stream(seed, Purpose.INPUT_NOISE, which).normal(size=x.shape)
        x = x + dataset.input_noise * noise
    if SOURCES[dataset.source].problem == "regression":
        noise = stream(seed, Purpose.TARGETS, which).normal(size=len(y))
        y = (y + (dataset.target_noise or 0.0) * noise)[:, None]
    return x, y


def flipped(labels: Array, fraction: float, seed: int, classes: int) -> tuple[Array, Array]:
    """Replace a fraction of the labels by other classes; return the labels and a mask of these."""
    generator = stream(seed, Purpose.LABEL_NOISE)
    changed = spread(generator, len(labels)) < fraction
    other = (labels + generator.integers(1, classes, size=len(labels))) % classes
    return np.where(changed, other, labels), changed

"""Raw samples of each part: a function of the data set's knobs and the seed.

Every part is drawn in an order whose beginning is itself a fair, stratified sample: a smaller
training set of the same seed is the beginning of a larger one. The test part is the same for all
seeds, so that their models are asked the same questions.
"""

from typing import Final, Literal

import numpy as np

from backend.spec.catalogue import SOURCES
from backend.spec.run import Dataset
from worker.training import stored
from worker.training.generated import FORMULAS
from worker.training.sequences import Array, stratified_order
from worker.training.streams import Purpose, stream

PartName = Literal["train", "validation", "test"]
PARTS: Final[tuple[PartName, ...]] = ("train", "validation", "test")
TEST_SEED = 0
QUANTILES = 10  # that a stored regression is stratified by


def draw(dataset: Dataset, seed: int, part: PartName) -> tuple[Array, Array]:
    """Return a part's inputs [n, inputs] and targets, with all noise but that of labels.

    Targets are classes [n] or regressed values [n, outputs].
    """
    seed = TEST_SEED if part == "test" else seed
    x, y = (_generated if dataset.source in FORMULAS else _stored)(dataset, seed, part)
    which = PARTS.index(part)
    if dataset.input_noise:
        noise = stream(seed, Purpose.INPUT_NOISE, which).normal(size=x.shape)
        x = x + dataset.input_noise * noise
    if SOURCES[dataset.source].problem == "regression":
        noise = stream(seed, Purpose.TARGETS, which).normal(size=len(y))
        y = (y + (dataset.target_noise or 0.0) * noise)[:, None]
    return x, y


def _generated(dataset: Dataset, seed: int, part: PartName) -> tuple[Array, Array]:
    """Draw afresh; inputs beyond those of the formula are standard normal noise."""
    n, which = getattr(dataset, f"n_{part}"), PARTS.index(part)
    inputs = dataset.n_features or SOURCES[dataset.source].features
    generator = stream(seed, Purpose.INPUTS, which)
    x, y = FORMULAS[dataset.source](generator, n, part == "train", inputs)
    noise = stream(seed, Purpose.NOISE_INPUTS, which).normal(size=(n, inputs - x.shape[1]))
    return np.concatenate([x, noise], axis=1), y


def _stored(dataset: Dataset, seed: int, part: PartName) -> tuple[Array, Array]:
    chosen = rows(dataset, seed, part)
    return stored.inputs(dataset.source, chosen), stored.targets(dataset.source)[chosen]


def rows(dataset: Dataset, seed: int, part: PartName) -> Array:
    """Return which rows of stored data a part holds: a seed's order of those not for the test.

    Training takes them from the end, so that the size of no other part but the test moves them.
    """
    y = stored.targets(dataset.source)
    strata = y if SOURCES[dataset.source].problem == "classification" else _quantiles(y)
    fixed = stratified_order(strata, stream(TEST_SEED, Purpose.SPLIT))
    if part == "test":
        return fixed[: dataset.n_test]
    rest = np.sort(fixed[dataset.n_test :])
    order = rest[stratified_order(strata[rest], stream(seed, Purpose.SPLIT, 1))]
    return order[: dataset.n_validation] if part == "validation" else order[::-1][: dataset.n_train]


def _quantiles(values: Array) -> Array:
    rank = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    return np.asarray(rank * QUANTILES // len(values))

"""Raw samples of each part, which depend on the data set's hyperparameters and the seed.

Every part is drawn in an order of which each prefix is a fair, stratified sample. A smaller
training set is therefore a prefix of a larger one with the same seed.
"""

import numpy as np

from backend.datasets.draws import TEST_SEED, PartName, generated, with_noise
from backend.datasets.formulas import FORMULAS
from backend.datasets.sequences import Array, stratified_order
from backend.datasets.streams import Purpose, stream
from backend.specification.run_spec import Dataset
from backend.specification.sources import SOURCES
from worker.training import stored

QUANTILES = 10  # of the target, as strata of stored regression data


def draw(dataset: Dataset, seed: int, part: PartName) -> tuple[Array, Array]:
    """Return a part's inputs [n, inputs] and targets with all noise except label noise.

    Targets are classes [n] or regression values [n, outputs].
    """
    seed = TEST_SEED if part == "test" else seed
    x, y = (generated if dataset.source in FORMULAS else _stored)(dataset, seed, part)
    return with_noise(dataset, seed, part, x, y)


def _stored(dataset: Dataset, seed: int, part: PartName) -> tuple[Array, Array]:
    indices = rows(dataset, seed, part)
    return stored.inputs(dataset.source, indices), stored.targets(dataset.source)[indices]


def rows(dataset: Dataset, seed: int, part: PartName) -> Array:
    """Return the row indices of stored data that a part holds.

    The test rows are the same for every seed. The seed orders the remaining rows: validation takes
    them from the beginning and training from the end, so that only the test size changes which rows
    another part gets.
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

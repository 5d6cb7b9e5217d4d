"""Raw samples of each part: a function of the data set's knobs and the seed.

Every part is drawn in an order whose beginning is itself a fair, stratified sample: a smaller
training set of the same seed is the beginning of a larger one.
"""

import numpy as np

from backend.datasets.draws import TEST_SEED, PartName, generated, with_noise
from backend.datasets.formulas import FORMULAS
from backend.datasets.sequences import Array, stratified_order
from backend.datasets.streams import Purpose, stream
from backend.specification.run_spec import Dataset
from backend.specification.sources import SOURCES
from worker.training import stored

QUANTILES = 10  # that a stored regression is stratified by


def draw(dataset: Dataset, seed: int, part: PartName) -> tuple[Array, Array]:
    """Return a part's inputs [n, inputs] and targets, with all noise but that of labels.

    Targets are classes [n] or regressed values [n, outputs].
    """
    seed = TEST_SEED if part == "test" else seed
    x, y = (generated if dataset.source in FORMULAS else _stored)(dataset, seed, part)
    return with_noise(dataset, seed, part, x, y)


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

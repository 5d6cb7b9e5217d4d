"""How the rows of a table are divided into training, validation and test part.

Every part is in an order of which each prefix is a fair sample, so that a smaller training set is
a prefix of a larger one with the same seed. The test rows are the same for every seed.
"""

from collections.abc import Mapping

import numpy as np

from backend.datasets.random_streams import Purpose, stratified_order, stream
from backend.datasets.sampling import TEST_SEED, DataPart
from backend.series import Array
from backend.specification.hyperparameters import Dataset

QUANTILES = 10  # of the target, as strata of regression

Parts = Mapping[DataPart, Array]
"""The row numbers of each part."""


def quantiles(values: Array) -> Array:
    """Return the tenth to which each value belongs, from 0 to 9."""
    rank = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    return np.asarray(rank * QUANTILES // len(values))


def split_rows(dataset: Dataset, seed: int, targets: Array, split_column: Array | None) -> Parts:
    """Divide the rows of a table.

    `targets` are classes or values [rows]; `split_column` holds the group or the time of each row.
    """
    if split_column is not None and dataset.split == "grouped":
        return _grouped(dataset, seed, split_column)
    if split_column is not None and dataset.split == "ordered":
        return _ordered(dataset, seed, split_column)
    classifies = np.issubdtype(targets.dtype, np.integer)
    strata = targets if classifies else quantiles(targets)
    if dataset.split == "random":
        strata = np.zeros(len(targets), dtype=np.int8)
    return _stratified(dataset, seed, strata)


def _stratified(dataset: Dataset, seed: int, strata: Array) -> Parts:
    fixed = stratified_order(strata, stream(TEST_SEED, Purpose.SPLIT))
    rest = np.sort(fixed[dataset.n_test :])
    order = rest[stratified_order(strata[rest], stream(seed, Purpose.SPLIT, 1))]
    return {
        "train": order[::-1][: dataset.n_train],
        "validation": order[: dataset.n_validation],
        "test": fixed[: dataset.n_test],
    }


def _grouped(dataset: Dataset, seed: int, groups: Array) -> Parts:
    """Keep the rows of a group in one part; the rows left over from a cut group are not used."""
    _, group = np.unique(groups, return_inverse=True)
    rows = _in_order_of_groups(group, np.arange(len(group)), stream(TEST_SEED, Purpose.SPLIT))
    test = rows[: dataset.n_test]
    rest = np.sort(rows[~np.isin(group[rows], group[test])])
    order = _in_order_of_groups(group[rest], rest, stream(seed, Purpose.SPLIT, 1))
    validation = order[: dataset.n_validation]
    left = order[~np.isin(group[order], group[validation])]
    return {"train": left[::-1][: dataset.n_train], "validation": validation, "test": test}


def _in_order_of_groups(group: Array, rows: Array, generator: np.random.Generator) -> Array:
    """Return rows sorted by the random place of their group, those of a group shuffled."""
    place = generator.permutation(int(group.max(initial=0)) + 1)
    shuffled = generator.permutation(len(rows))
    return np.asarray(rows[shuffled][np.argsort(place[group[shuffled]], kind="stable")])


def _ordered(dataset: Dataset, seed: int, times: Array) -> Parts:
    """Test on the last rows, validate on those before, draw the training rows from the rest."""
    order = np.argsort(times, kind="stable")
    first_test = len(order) - dataset.n_test
    past = order[: first_test - dataset.n_validation]
    drawn = stream(seed, Purpose.SPLIT, 1).permutation(len(past))[: dataset.n_train]
    return {
        "train": past[drawn],
        "validation": order[len(past) : first_test],
        "test": order[first_test:],
    }

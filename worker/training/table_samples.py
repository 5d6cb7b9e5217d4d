"""The samples of a run on a table that a person has added: split, then prepared."""

from collections.abc import Hashable, Mapping

import numpy as np
from cachetools import LRUCache, cached

from backend.datasets.column_files import COLUMN_FOLDER, ColumnReader
from backend.datasets.random_streams import Purpose, stream
from backend.datasets.sampling import PARTS, TEST_SEED, DataPart
from backend.datasets.table_facts import TableFacts
from backend.datasets.table_preparation import prepared
from backend.datasets.table_splits import Parts, split_rows
from backend.series import Array
from backend.specification.data_sources import SOURCES
from backend.specification.hyperparameters import Dataset

CACHE_BYTES = 256 << 20  # samples that runs of this process share

Drawn = Mapping[DataPart, tuple[Array, Array, Array]]
"""The inputs [n, inputs], the targets and the row numbers [n] of each part."""


def draw_table(dataset: Dataset, seed: int) -> Drawn:
    """Return the parts of a table with all noise but label noise.

    Targets are classes [n] or values [n, 1], in units of the table.
    """
    return _drawn(_table(dataset), dataset, seed)


def _bytes(parts: Drawn) -> int:
    return sum(x.nbytes + y.nbytes for x, y, _ in parts.values())


def _key(table: TableFacts, dataset: Dataset, seed: int) -> Hashable:
    return table.source, dataset.model_copy(update={"label_noise": None}), seed


@cached(LRUCache(CACHE_BYTES, _bytes), key=_key)
def _drawn(table: TableFacts, dataset: Dataset, seed: int) -> Drawn:
    with ColumnReader(COLUMN_FOLDER.file(table.sha256)) as reader:
        targets = _targets(table, reader)
        rows = _split(table, dataset, seed, targets, reader)
        inputs = _inputs(table, dataset, rows, reader)
    drawn: dict[DataPart, tuple[Array, Array, Array]] = {}
    for part in PARTS:
        y = targets[rows[part]]
        x, y = _with_noise(dataset, seed, part, inputs[part], y, inputs["train"])
        x.setflags(write=False)
        y.setflags(write=False)
        drawn[part] = x, y, rows[part]
    return drawn


def _table(dataset: Dataset) -> TableFacts:
    table = SOURCES[dataset.source].table
    if table is None:
        raise TypeError(f"{dataset.source} is not a table")
    return table


def _targets(table: TableFacts, reader: ColumnReader) -> Array:
    """Return the classes or scaled values of all rows."""
    column = table.by_name[table.target]
    values = reader.column(table.columns.index(column))
    if table.problem == "regression":
        return np.asarray((values.astype(np.float64) - table.center) / table.unit)
    if column.kind == "category":
        return values.astype(np.int64)
    return np.unique(values, return_inverse=True)[1]


def _split(
    table: TableFacts, dataset: Dataset, seed: int, targets: Array, reader: ColumnReader
) -> Parts:
    column = None
    if dataset.split_by is not None:
        column = reader.column(table.columns.index(table.by_name[dataset.split_by]))
    return split_rows(dataset, seed, targets, column)


def _inputs(
    table: TableFacts, dataset: Dataset, rows: Parts, reader: ColumnReader
) -> dict[DataPart, Array]:
    """Return the inputs of each part. The preparation is fitted on the training part."""
    columns: dict[DataPart, list[Array]] = {part: [] for part in PARTS}
    for column in table.inputs(dataset.split_by):
        values = reader.column(table.columns.index(column))
        train = values[rows["train"]]
        for part in PARTS:
            columns[part].append(
                prepared(column, values[rows[part]], train, dataset.encoding, dataset.missing)
            )
    return {part: np.concatenate(columns[part], axis=1) for part in PARTS}


def _with_noise(
    dataset: Dataset, seed: int, part: DataPart, x: Array, y: Array, train: Array
) -> tuple[Array, Array]:
    """Add input noise in units of each input's deviation, and target noise to regression."""
    which, seed = PARTS.index(part), seed if part != "test" else TEST_SEED
    if dataset.input_noise:
        noise = stream(seed, Purpose.INPUT_NOISE, which).normal(size=x.shape)
        x = x + dataset.input_noise * train.std(axis=0) * noise
    if dataset.target_noise is None:
        return x, y
    if dataset.target_noise:
        noise = stream(seed, Purpose.TARGETS, which).normal(size=len(y))
        y = y + dataset.target_noise * noise
    return x, y[:, None]

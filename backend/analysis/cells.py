"""Cells of an experiment (runs that differ only in their seed) and its axes (settings that vary).

These are the only definitions of a *cell* and of *the hyperparameters that vary*. The analysis, the
comparisons, the remedies, the charts and the command line all use them, for any form of a run: its
row, its JSON, or its results.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final, TypeVar

from backend.specification import hyperparameters
from backend.specification.hyperparameters import (
    HYPERPARAMETERS,
    Role,
    dataset,
    training,
    with_role,
)
from backend.specification.params import Params, ParamValue, as_number

SEED: Final = training.SEED.path
CAPACITY: Final = hyperparameters.CAPACITY
N_TRAIN: Final = dataset.N_TRAIN.path
EPOCHS: Final = training.EPOCHS.path
BATCH_SIZE: Final = training.BATCH_SIZE.path
TARGET_NOISE: Final = dataset.TARGET_NOISE.path
NOISE: Final = with_role(Role.NOISE)
REGULARISATION: Final = with_role(Role.REGULARISATION)

ParamsKey = tuple[tuple[str, ParamValue], ...]
R = TypeVar("R")


def cell_key(params: Params, variant: str | None = None) -> Hashable:
    """Return the key of a run's cell: its hyperparameters without the seed, and its variant.

    Pass the variant where cells are shown next to the name of their variant: in tables,
    comparisons and remedies. Leave it out where only hyperparameters matter, as in the analysis of
    the grid: two variants with the same hyperparameters are then one cell.
    """
    return variant, params_key(params, without=(SEED,))


def params_key(params: Params, *, without: Sequence[str]) -> ParamsKey:
    """Return hyperparameters as a hashable key, leaving some of them out."""
    return tuple(sorted((path, value) for path, value in params.items() if path not in without))


def group_by(runs: Iterable[R], key: Callable[[R], Hashable]) -> list[list[R]]:
    """Group runs by a key such as their cell, in the order of the first run of each group."""
    groups: dict[Hashable, list[R]] = {}
    for run in runs:
        groups.setdefault(key(run), []).append(run)
    return list(groups.values())


def lines_along(runs: Iterable[R], params_of: Callable[[R], Params], axis: str) -> list[list[R]]:
    """Group runs into lines that differ only in `axis`, each in ascending order of it.

    Hyperparameters that do not apply to a run do not tell it from others: a network without hidden
    layers has no width, and is on the line over the depth of every width.
    """
    groups: dict[ParamsKey, list[R]] = {}
    for run in runs:
        groups.setdefault(params_key(params_of(run), without=(axis,)), []).append(run)
    keys = {key: frozenset(key) for key in groups}
    partial = _contained(keys.values())
    lines = [
        [run for other, group in groups.items() if keys[other] <= keys[key] for run in group]
        if partial
        else groups[key]
        for key in groups
        if keys[key] not in partial
    ]
    return [sorted(line, key=lambda run: as_number(params_of(run).get(axis, 0))) for line in lines]


def _contained(keys: Iterable[frozenset[tuple[str, ParamValue]]]) -> set[frozenset[object]]:
    """Return the keys that other keys extend, by hyperparameters that do not apply to them."""
    by_size: dict[int, list[frozenset[tuple[str, ParamValue]]]] = {}
    for key in keys:
        by_size.setdefault(len(key), []).append(key)
    largest = max(by_size, default=0)
    return {
        key
        for size, some in by_size.items()
        if size < largest
        for key in some
        if any(
            key < other and all(path in HYPERPARAMETERS for path, _ in other - key)
            for larger, others in by_size.items()
            if larger > size
            for other in others
        )
    }


def varying(runs: Sequence[Params], *, missing_counts: bool = False) -> dict[str, list[ParamValue]]:
    """Return the hyperparameters with more than one value among runs, each with its values.

    A hyperparameter that does not apply to some runs has no value there. Such a gap does not make
    it vary, because what it depends on varies then; with `missing_counts` it does.
    """
    values: dict[str, dict[ParamValue, None]] = {}
    holders: Counter[str] = Counter()
    for params in runs:
        holders.update(params.keys())
        for path, value in params.items():
            values.setdefault(path, {})[value] = None
    return {
        path: list(distinct)
        for path, distinct in values.items()
        if len(distinct) > 1 or (missing_counts and holders[path] < len(runs))
    }


def setting(params: Params, paths: Iterable[str]) -> dict[str, ParamValue]:
    """Return the values of those of `paths` that a run has: the setting of a line of cells."""
    return {path: params[path] for path in paths if path in params}


def settings(runs: Sequence[Params], along: Sequence[str]) -> list[dict[str, ParamValue]]:
    """Return the distinct settings of runs in their order.

    A setting holds the values of all varying hyperparameters except the seed and those in `along`.
    One that applies to some runs only and has one value there is no setting: what it depends on is.
    """
    fixed = [path for path in _choices(runs) if path not in (SEED, *along)]
    distinct = dict.fromkeys(tuple(setting(params, fixed).items()) for params in runs)
    contained = _contained(map(frozenset, distinct))
    return [dict(items) for items in distinct if frozenset(items) not in contained]


def _choices(runs: Sequence[Params]) -> list[str]:
    several = varying(runs)
    return [
        path
        for path in varying(runs, missing_counts=True)
        if path in several or path not in HYPERPARAMETERS
    ]

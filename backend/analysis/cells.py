"""Cells of an experiment (runs that differ only in their seed) and its axes (settings that vary).

These are the only definitions of a *cell* and of *the hyperparameters that vary*. The analysis, the
comparisons, the remedies, the charts and the command line all use them, for any form of a run: its
row, its JSON, or its results.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final, TypeVar

from backend.specification import hyperparameters
from backend.specification.hyperparameters import Role, dataset, training, with_role
from backend.specification.params import Params, ParamValue

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
    """
    fixed = [path for path in varying(runs, missing_counts=True) if path not in (SEED, *along)]
    distinct = dict.fromkeys(tuple(setting(params, fixed).items()) for params in runs)
    return [dict(items) for items in distinct]

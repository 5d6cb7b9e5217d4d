"""Expanding checked values into runs: every combination of lists, with defaults filled in."""

from collections.abc import Sequence
from itertools import product

from backend import work_budget
from backend.errors import FieldError, InvalidSpec
from backend.specification import early_stopping
from backend.specification.applicability import applicable, idle_value, in_words
from backend.specification.combinations import check_combination
from backend.specification.data_sources import SOURCES
from backend.specification.families import FAMILIES
from backend.specification.hyperparameters import (
    AXES,
    HYPERPARAMETERS,
    STOPPING,
    Hyperparameter,
    show,
)
from backend.specification.hyperparameters.dataset import SOURCE
from backend.specification.hyperparameters.early_stopping import CRITERION
from backend.specification.hyperparameters.model import FAMILY
from backend.specification.hyperparameters.training import SEED
from backend.specification.params import Axes, Params, ParamValue
from backend.specification.run_spec import RunSpec
from backend.specification.variants import Variant

Combination = tuple[tuple[str, ParamValue], ...]
"""The values of one combination by dotted path, without those that have no effect."""


def expand(
    axes: Axes, seeds: Sequence[int], stopping: Params, variants: Sequence[Variant]
) -> list[list[RunSpec]]:
    """Return the runs of each variant, seeds innermost. Raises InvalidSpec."""
    errors: dict[FieldError, None] = {}
    used: set[str] = set()
    grids = []
    for index, variant in enumerate(variants):
        where = f"variants[{index}]"
        changes = {path: [value] for path, value in variant.changes.items() if path in AXES}
        stops = {path: value for path, value in variant.changes.items() if path in STOPPING}
        early = early_stopping.completed({**stopping, **stops})
        cells = _cells({**axes, **changes}, {SEED.path: seeds[0], **early}, errors)
        in_use = {path for cell in cells for path, _ in cell}
        for path in changes.keys() - in_use:
            errors |= _without_effect(f"{where}.{path}", path, changes[path])
        for path in stops.keys() - early.keys():
            error = early_stopping.without_effect(f"{where}.{path}", path, stops[path])
            errors[error] = None
        used |= in_use | early.keys()
        grids.append([run for spec in cells.values() for run in spec.with_seeds(seeds)])
    for path in axes.keys() - used:
        errors |= _without_effect(path, path, axes[path])
    for path in stopping.keys() - used:
        errors[early_stopping.without_effect(path, path, stopping[path])] = None
    if errors:
        raise InvalidSpec(list(errors))
    return grids


def filled_in(values: Params) -> dict[str, ParamValue]:
    """Fill in the defaults of one combination and drop what does not apply.

    The values are by dotted path and include the source; seed and early stopping are left out.
    """
    source = str(values[SOURCE.path])
    family = str(values.get(FAMILY.path, default_of(FAMILY, source)))
    chosen = {
        path: values[path] if path in values else default_of(hyperparameter, source, family)
        for path, hyperparameter in AXES.items()
        if hyperparameter is not SEED
    }
    with_effect = applicable(chosen)
    return {
        path: value for path, value in chosen.items() if path in with_effect and value is not None
    }


def non_default(params: Params) -> dict[str, ParamValue]:
    """Return the params of a run that differ from their defaults, without its seed."""
    source, family = str(params[SOURCE.path]), str(params[FAMILY.path])
    criterion = str(params[CRITERION.path])

    def default(hyperparameter: Hyperparameter) -> ParamValue:
        if hyperparameter is CRITERION:
            return hyperparameter.default
        if hyperparameter.path in STOPPING:
            return early_stopping.default_of(hyperparameter, criterion)
        return default_of(hyperparameter, source, family)

    return {
        path: value
        for path, value in params.items()
        if (hyperparameter := HYPERPARAMETERS[path]) is not SEED
        and (hyperparameter is SOURCE or value != default(hyperparameter))
    }


def default_of(
    hyperparameter: Hyperparameter, source: str, family: str | None = None
) -> ParamValue:
    """Return the default of a hyperparameter for a data source and a family of models.

    Without a family, the default family of the source is meant.
    """
    general = SOURCES[source].defaults.get(hyperparameter.path, hyperparameter.default)
    if hyperparameter is FAMILY:
        return general
    family = family or str(default_of(FAMILY, source))
    return FAMILIES[family].defaults.get(hyperparameter.path, general)


def _cells(
    axes: Axes, others: Params, errors: dict[FieldError, None]
) -> dict[Combination, RunSpec]:
    """Multiply the axes into cells, drop values without effect and merge equal cells.

    `others` are the values of the runs outside the axes.
    """
    cells: dict[Combination, RunSpec] = {}
    for values in product(*axes.values()):
        work_budget.check()
        cell = filled_in(dict(zip(axes, values, strict=True)))
        spec = RunSpec.from_params({**cell, **others})
        if error := check_combination(spec):
            errors[error] = None
        cells[tuple(cell.items())] = spec
    return cells


def _without_effect(where: str, path: str, values: Sequence[ParamValue]) -> dict[FieldError, None]:
    """Return the error of values that apply nowhere, None if a run has just that value there."""
    idle = idle_value(AXES[path])
    if list(values) == [idle]:
        return {}
    shown = show(values[0] if len(values) == 1 else values)
    accepted = "nothing" if idle is None else show(idle)
    condition = in_words(AXES[path])
    detail = f"{where} is {shown}; accepted: {accepted} here, it is for {condition} only."
    return {FieldError(where, detail): None}

"""ExperimentSpec: a specification in which hyperparameters may be lists, checked and expanded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from backend.errors import FieldError, InvalidSpec
from backend.limits import Limits
from backend.specification.applicability import CONTROLS
from backend.specification.combinations import check_partial
from backend.specification.data_sources import SOURCES
from backend.specification.early_stopping import read_stopping
from backend.specification.expansion import expand, filled_in
from backend.specification.fields import read_line, read_mapping
from backend.specification.hyperparameters import (
    AXES,
    AXIS_SECTIONS,
    SECTIONS,
    Hyperparameter,
    show,
)
from backend.specification.hyperparameters.dataset import SOURCE
from backend.specification.hyperparameters.model import FEATURES, LAYERS
from backend.specification.hyperparameters.training import SEED
from backend.specification.params import Axes, ParamValue
from backend.specification.placement import PLACEMENT_SETTINGS, Placement, read_placement
from backend.specification.run_spec import RunSpec
from backend.specification.variants import Variant, read_variants

FIELDS = ("name", *SECTIONS, "variants", *PLACEMENT_SETTINGS)
SEEDS = SEED.written_path
MAX_VALUES = 1000
MAX_NAME_CHARACTERS = 200
MAX_TEXT = Limits.model_fields["max_setting_text"].default
TEXTS = (FEATURES, LAYERS)
"""The settings whose values may be long."""
UNCHANGED = Variant("")


@dataclass(frozen=True)
class ExperimentSpec:
    """A checked specification.

    `document` is the specification as it was written, with the version of each table; `axes` maps
    the dotted paths in it to their values; `runs` is the whole grid, variants outermost and seeds
    innermost; `labels` names the variant of each run, None without variants.
    """

    name: str
    document: Mapping[str, object]
    axes: Axes
    seeds: list[int]
    runs: list[RunSpec]
    labels: Sequence[str | None]
    placement: Placement


def validate(
    document: object, *, max_runs: int = 10_000, max_text: int = MAX_TEXT
) -> ExperimentSpec:
    """Check and expand a specification given as plain data.

    Raises InvalidSpec with one sentence for every refused field.
    """
    errors: list[FieldError] = []
    document = read_mapping(None, document, FIELDS, errors)
    axes = read_axes(document, errors)
    seeds = _seeds(document.get(SEED.section), errors)
    stopping = read_stopping(document.get("early_stopping", {}), errors)
    variants = [UNCHANGED]
    if "variants" in document:
        variants = read_variants(document["variants"], errors)
    placement = read_placement(document, errors)
    name = None
    if document.get("name") is not None:
        name = read_line("name", document["name"], MAX_NAME_CHARACTERS, errors)
    if SOURCE.path not in axes and not errors:
        detail = f"{SOURCE.path} is missing; accepted: {SOURCE.accepted}."
        errors.append(FieldError(SOURCE.path, detail))
    if not errors:
        _check_size(axes, seeds, len(variants), max_runs, errors)
        _check_text(axes, seeds, variants, max_text, errors)
    if errors:
        raise InvalidSpec([*errors, *_errors_of_the_rest(document, axes, errors, max_runs)])
    grids = expand(axes, seeds, stopping, variants)
    runs = [run for grid in grids for run in grid]
    labels = [v.name or None for v, grid in zip(variants, grids, strict=True) for _ in grid]
    name = name or _default_name(axes)
    document = _with_versions(document, axes[SOURCE.path])
    return ExperimentSpec(name, document, axes, seeds, runs, labels, placement)


def read_axes(
    document: Mapping[str, object], errors: list[FieldError]
) -> dict[str, list[ParamValue]]:
    """Return the written values by dotted path, seeds left out. Appends errors."""
    return dict(_read_axes(document, errors))


def _read_axes(
    document: Mapping[str, object], errors: list[FieldError]
) -> Iterator[tuple[str, list[ParamValue]]]:
    for section in AXIS_SECTIONS:
        axes = {
            hyperparameter.written_name: hyperparameter
            for hyperparameter in AXES.values()
            if hyperparameter.section == section
        }
        written = read_mapping(section, document.get(section, {}), axes, errors)
        for name, value in written.items():
            if name in axes and axes[name] is not SEED:
                yield axes[name].path, _values(axes[name], value, errors)


def _values(
    hyperparameter: Hyperparameter, value: object, errors: list[FieldError]
) -> list[ParamValue]:
    """Return the values of one hyperparameter as a list, noting the first that is refused."""
    items = value if isinstance(value, list) else [value]
    if not 1 <= len(items) <= MAX_VALUES:
        detail = f"{hyperparameter.path} is a list of {len(items)}; accepted: 1 to {MAX_VALUES}."
        errors.append(FieldError(hyperparameter.path, detail))
        return []
    values: list[ParamValue] = []
    before = len(errors)
    for index, item in enumerate(items):
        where = (
            f"{hyperparameter.path}[{index}]" if isinstance(value, list) else hyperparameter.path
        )
        accepted = hyperparameter.read(where, item, errors)
        if len(errors) == before and accepted in values:
            detail = f"{where} is {show(item)} a second time; accepted: once each."
            errors.append(FieldError(where, detail))
        if len(errors) > before:
            break
        values.append(accepted)
    return values


def _seeds(training: object, errors: list[FieldError]) -> list[int]:
    value = training.get(SEED.written_name, 1) if isinstance(training, Mapping) else 1
    if isinstance(value, list):
        wrong: list[FieldError] = []
        for item in value:
            SEED.read(SEEDS, item, wrong)
        if value and len(value) <= MAX_VALUES and not wrong and len(set(value)) == len(value):
            return list(value)
    elif type(value) is int and 1 <= value <= MAX_VALUES:
        return list(range(value))
    accepted = f"a count from 1 to {MAX_VALUES}, or a list of different whole numbers from 0"
    errors.append(FieldError(SEEDS, f"{SEEDS} is {show(value)}; accepted: {accepted}."))
    return [0]


def _check_size(
    axes: Axes, seeds: list[int], variants: int, max_runs: int, errors: list[FieldError]
) -> None:
    runs = prod(len(values) for values in axes.values()) * len(seeds) * variants
    if runs > max_runs:
        field = max(axes, key=lambda path: len(axes[path]))
        if len(seeds) > len(axes[field]):
            field = SEEDS
        count = len(seeds) if field == SEEDS else len(axes[field])
        detail = f"{field} has {count:,} values, which makes {runs:,} runs"
        errors.append(FieldError(field, f"{detail}; accepted: at most {max_runs:,} runs."))


def _check_text(
    axes: Axes,
    seeds: list[int],
    variants: Sequence[Variant],
    max_text: int,
    errors: list[FieldError],
) -> None:
    """Check the characters of text settings in all runs: each run is stored with its own."""
    runs_per_variant = prod(map(len, axes.values())) * len(seeds)
    for hyperparameter in TEXTS:
        path = hyperparameter.path
        written = axes.get(path, [])
        usual = sum(len(str(value)) for value in written) * runs_per_variant // (len(written) or 1)
        characters = sum(
            len(str(variant.changes[path])) * runs_per_variant // (len(written) or 1)
            if path in variant.changes
            else usual
            for variant in variants
        )
        if characters > max_text:
            detail = f"{path} has {characters:,} characters in all runs together"
            errors.append(FieldError(path, f"{detail}; accepted: at most {max_text:,}."))


def _errors_of_the_rest(
    document: Mapping[str, object], axes: Axes, errors: Sequence[FieldError], max_runs: int
) -> list[FieldError]:
    """Return the errors of combinations that do not involve a refused field."""
    wrong = {error.field.split("[")[0] for error in errors if error.field}
    wrong |= {path for path, hyperparameter in AXES.items() if hyperparameter.section in wrong}
    right = {path: values for path, values in axes.items() if path not in wrong}
    few = prod(map(len, right.values())) <= max_runs
    controls = {control.path for control in CONTROLS}
    if SOURCE.path not in right or wrong & controls or "variants" in document or not few:
        return []
    cells = (
        filled_in(dict(zip(right, values, strict=True))) for values in product(*right.values())
    )
    checked = (check_partial(RunSpec.partial(cell, wrong)) for cell in cells)
    return list(dict.fromkeys(error for error in checked if error))


def _with_versions(
    document: Mapping[str, object], sources: Sequence[ParamValue]
) -> Mapping[str, object]:
    """Return the document with the names of its sources as runs have them."""
    section = document.get(SOURCE.section)
    if not isinstance(section, Mapping):
        return document
    written = section[SOURCE.name]
    named = list(sources) if isinstance(written, list) else sources[0]
    if written == named:
        return document
    return {**document, SOURCE.section: {**section, SOURCE.name: named}}


def _default_name(axes: Axes) -> str:
    titles = " and ".join(SOURCES[str(source)].title for source in axes[SOURCE.path])
    varied = [
        AXES[path].name.replace("_", " ")
        for path, values in axes.items()
        if len(values) > 1 and path != SOURCE.path
    ]
    return f"{titles}: {' against '.join(varied)}" if varied else titles

"""ExperimentSpec: the specification in which any knob may be a list, checked and expanded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from backend.errors import FieldError, InvalidSpec
from backend.specification.applicability import CONTROLS, applicable, idle_value, in_words
from backend.specification.combinations import check_combination
from backend.specification.defaults import default
from backend.specification.early_stopping import completed, read_stopping, without_effect
from backend.specification.fields import read_line, read_mapping
from backend.specification.hyperparameters import AXES, SECTIONS, STOPPING, show
from backend.specification.placement import Placement, read_placement
from backend.specification.run_spec import RunSpec
from backend.specification.sources import SOURCES
from backend.specification.variants import Variant, read_variants

TOP_LEVEL = ("name", *SECTIONS, "early_stopping", "variants", "device", "priority")
SEEDS = "training.seeds"
MAX_VALUES = 1000
MAX_NAME = 200
PLAIN = Variant("")


@dataclass(frozen=True)
class ExperimentSpec:
    """A checked specification.

    `document` is what the person wrote; `axes` maps the dotted paths that were given to their
    values; `runs` is the whole grid, variants outermost and seeds innermost; `labels` names the
    variant of each run, None without variants.
    """

    name: str
    document: Mapping[str, Any]
    axes: Mapping[str, list[Any]]
    seeds: list[int]
    runs: list[RunSpec]
    labels: Sequence[str | None]
    placement: Placement


def validate(document: Any, *, max_runs: int = 10_000) -> ExperimentSpec:
    """Check and expand a specification given as plain data.

    Raises InvalidSpec with one sentence for every refused field.
    """
    errors: list[FieldError] = []
    document = read_mapping(None, document, TOP_LEVEL, errors)
    axes = dict(_axes(document, errors))
    seeds = _seeds(document.get("training"), errors)
    stopping = read_stopping(document.get("early_stopping", {}), errors)
    variants = read_variants(document["variants"], errors) if "variants" in document else [PLAIN]
    placement = read_placement(document, errors)
    name = document.get("name")
    if name is not None:
        name = read_line("name", name, MAX_NAME, errors)
    if "dataset.source" not in axes and not errors:
        accepted = AXES["dataset.source"].accepted
        errors.append(
            FieldError("dataset.source", f"dataset.source is missing; accepted: {accepted}.")
        )
    if not errors:
        _check_size(axes, seeds, len(variants), max_runs, errors)
    if errors:
        raise InvalidSpec([*errors, *_of_the_rest(document, axes, errors, max_runs)])
    grids = _grids(axes, seeds, stopping, variants)
    runs = [run for grid in grids for run in grid]
    labels = [v.name or None for v, grid in zip(variants, grids, strict=True) for _ in grid]
    name = name or _default_name(axes)
    return ExperimentSpec(name, document, axes, seeds, runs, labels, placement)


def _axes(document: Mapping[str, Any], errors: list[FieldError]) -> Iterator[tuple[str, list[Any]]]:
    for section in SECTIONS:
        names = [p.split(".")[1] for p in AXES if p.startswith(section + ".")]
        names = ["seeds" if name == "seed" else name for name in names]
        given = read_mapping(section, document.get(section, {}), tuple(names), errors)
        for name, value in given.items():
            path = f"{section}.{name}"
            if path in AXES and path != "training.seed" and name in names:
                yield path, _values(path, value, errors)


def _values(path: str, value: Any, errors: list[FieldError]) -> list[Any]:
    """Return one knob's values as a list, noting the first that is refused."""
    knob, values = AXES[path], value if isinstance(value, list) else [value]
    if not 1 <= len(values) <= MAX_VALUES:
        errors.append(
            FieldError(path, f"{path} is a list of {len(values)}; accepted: 1 to {MAX_VALUES}.")
        )
        return values
    for index, item in enumerate(values):
        where = f"{path}[{index}]" if isinstance(value, list) else path
        if error := knob.check(where, item):
            errors.append(error)
            break
        if item in values[:index]:
            errors.append(
                FieldError(where, f"{where} is {show(item)} a second time; accepted: once each.")
            )
            break
        values = [*values[:index], knob.read(item), *values[index + 1 :]]
    return values


def _seeds(training: Any, errors: list[FieldError]) -> list[int]:
    value = training.get("seeds", 1) if isinstance(training, Mapping) else 1
    accepted = f"a count from 1 to {MAX_VALUES}, or a list of different whole numbers from 0"
    if isinstance(value, list):
        wrong = [AXES["training.seed"].check(SEEDS, item) for item in value]
        if value and len(value) <= MAX_VALUES and not any(wrong) and len(set(value)) == len(value):
            return list(value)
    elif type(value) is int and 1 <= value <= MAX_VALUES:
        return list(range(value))
    errors.append(FieldError(SEEDS, f"{SEEDS} is {show(value)}; accepted: {accepted}."))
    return [0]


def _check_size(
    axes: Mapping[str, list[Any]],
    seeds: list[int],
    variants: int,
    max_runs: int,
    errors: list[FieldError],
) -> None:
    runs = prod(len(values) for values in axes.values()) * len(seeds) * variants
    if runs > max_runs:
        field = max(axes, key=lambda path: len(axes[path]))
        if len(seeds) > len(axes[field]):
            field = SEEDS
        count = len(seeds) if field == SEEDS else len(axes[field])
        detail = f"{field} has {count:,} values, which makes {runs:,} runs"
        errors.append(FieldError(field, f"{detail}; accepted: at most {max_runs:,} runs."))


def _of_the_rest(
    document: Mapping[str, Any],
    axes: Mapping[str, list[Any]],
    errors: Sequence[FieldError],
    max_runs: int,
) -> list[FieldError]:
    """Return what combinations are refused for in which no refused field has a part."""
    wrong = {error.field.split("[")[0] for error in errors if error.field}
    wrong |= {path for path in AXES if path.split(".")[0] in wrong}
    right = {path: values for path, values in axes.items() if path not in wrong}
    few = prod(map(len, right.values())) <= max_runs
    if "dataset.source" not in right or wrong & set(CONTROLS) or "variants" in document or not few:
        return []
    cells = (
        filled_in(dict(zip(right, values, strict=True))) for values in product(*right.values())
    )
    found = (check_combination(cell, unknown=wrong) for cell in cells)
    return list(dict.fromkeys(error for error in found if error))


def _grids(
    axes: Mapping[str, list[Any]],
    seeds: list[int],
    stopping: Mapping[str, Any],
    variants: Sequence[Variant],
) -> list[list[RunSpec]]:
    """Return each variant's runs. Raises InvalidSpec."""
    errors: dict[FieldError, None] = {}
    used: set[str] = set()
    grids = []
    for index, variant in enumerate(variants):
        changes = {path: [value] for path, value in variant.changes.items() if path in AXES}
        cells = _cells({**axes, **changes}, errors)
        in_use = {path for cell in cells for path in cell}
        used |= in_use
        for path in changes.keys() - in_use:
            errors |= _without_effect(f"variants[{index}].{path}", path, changes[path])
        stops = {p: value for p, value in variant.changes.items() if p in STOPPING}
        early = completed({**stopping, **stops})
        used |= early.keys()
        for path in stops.keys() - early.keys():
            errors[without_effect(f"variants[{index}].{path}", path, stops[path])] = None
        grids.append(_runs(cells, seeds, early))
    for path in axes.keys() - used:
        errors |= _without_effect(path, path, axes[path])
    for path in stopping.keys() - used:
        errors[without_effect(path, path, stopping[path])] = None
    if errors:
        raise InvalidSpec(list(errors))
    return grids


def _cells(
    axes: Mapping[str, list[Any]], errors: dict[FieldError, None]
) -> list[Mapping[str, Any]]:
    """Multiply the axes into cells. Knobs without effect are dropped, twins merged."""
    cells: dict[tuple[tuple[str, Any], ...], Mapping[str, Any]] = {}
    for values in product(*axes.values()):
        cell = filled_in(dict(zip(axes, values, strict=True)))
        if error := check_combination(cell):
            errors[error] = None
        cells[tuple(cell.items())] = cell
    return list(cells.values())


def _without_effect(where: str, path: str, values: list[Any]) -> dict[FieldError, None]:
    """Return the error of a knob that applies nowhere; none if it is given as what it is anyway."""
    idle = idle_value(path)
    if values == [idle]:
        return {}
    given = show(values[0] if len(values) == 1 else values)
    accepted = "nothing" if idle is None else show(idle)
    detail = f"{where} is {given}; accepted: {accepted} here, it is for {in_words(path)} only."
    return {FieldError(where, detail): None}


def _runs(
    cells: Sequence[Mapping[str, Any]], seeds: list[int], early: Mapping[str, Any]
) -> list[RunSpec]:
    return [
        RunSpec.from_params({**cell, "training.seed": seed, **early})
        for cell in cells
        for seed in seeds
    ]


def filled_in(given: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in the defaults of one combination and drop the knobs that do not apply."""
    source = given["dataset.source"]
    family = given.get("model.family", default("model.family", source))
    chosen = {
        path: given.get(path, default(path, source, family))
        for path in AXES
        if path not in ("training.seed", "dataset.source")
    }
    chosen = {"dataset.source": source, **chosen}
    with_effect = applicable(chosen)
    return {
        path: value for path, value in chosen.items() if path in with_effect and value is not None
    }


def _default_name(axes: Mapping[str, list[Any]]) -> str:
    titles = " and ".join(SOURCES[source].title for source in axes["dataset.source"])
    varied = [
        path.split(".")[1].replace("_", " ")
        for path, values in axes.items()
        if len(values) > 1 and path != "dataset.source"
    ]
    return f"{titles}: {' against '.join(varied)}" if varied else titles

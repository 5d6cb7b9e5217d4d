"""ExperimentSpec: the specification in which any knob may be a list, checked and expanded."""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from backend.errors import FieldError, InvalidSpec
from backend.spec.catalogue import SOURCES, default
from backend.spec.combinations import check_combination
from backend.spec.knobs import APPLIES_TO, AXES, SECTIONS, STOPPING, applies, show
from backend.spec.run import EarlyStopping, RunSpec

TOP_LEVEL = ("name", *SECTIONS, "early_stopping")
SEEDS = "training.seeds"
MAX_VALUES = 1000
MAX_NAME = 200


@dataclass(frozen=True)
class ExperimentSpec:
    """A checked specification.

    `document` is what the person wrote; `axes` maps the dotted paths that were given to their
    values; `runs` is the whole grid, seeds innermost.
    """

    name: str
    document: Mapping[str, Any]
    axes: Mapping[str, list[Any]]
    seeds: list[int]
    runs: list[RunSpec]


def validate(document: Any, *, max_runs: int = 10_000) -> ExperimentSpec:
    """Check and expand a specification given as plain data.

    Raises InvalidSpec with one sentence for every refused field.
    """
    errors: list[FieldError] = []
    document = _mapping(None, document, TOP_LEVEL, errors)
    axes = dict(_axes(document, errors))
    seeds = _seeds(document.get("training"), errors)
    stopping = _stopping(document.get("early_stopping", {}), errors)
    name = _name(document.get("name"), errors)
    if "dataset.source" not in axes and not errors:
        accepted = AXES["dataset.source"].accepted
        errors.append(
            FieldError("dataset.source", f"dataset.source is missing; accepted: {accepted}.")
        )
    if not errors:
        _check_size(axes, seeds, max_runs, errors)
    if errors:
        raise InvalidSpec(errors)
    runs = _expand(axes, seeds, stopping)
    return ExperimentSpec(name or _default_name(axes), document, axes, seeds, runs)


def _mapping(
    path: str | None, value: Any, fields: tuple[str, ...], errors: list[FieldError]
) -> Mapping[str, Any]:
    """Return `value` if it is a mapping with known fields only, else note errors."""
    what = path or "The specification"
    if not isinstance(value, Mapping):
        fields_text = ", ".join(fields)
        errors.append(
            FieldError(path, f"{what} is {show(value)}; accepted: fields among {fields_text}.")
        )
        return {}
    for key in value:
        if key not in fields:
            full = f"{path}.{key}" if path else str(key)
            errors.append(
                FieldError(
                    full,
                    f"{full[:80]} ({show(value[key])}) is not a field of the specification; "
                    f"accepted: {', '.join(fields)}.",
                )
            )
    return value


def _axes(document: Mapping[str, Any], errors: list[FieldError]) -> Iterator[tuple[str, list[Any]]]:
    for section in SECTIONS:
        names = [p.split(".")[1] for p in AXES if p.startswith(section + ".")]
        names = ["seeds" if name == "seed" else name for name in names]
        given = _mapping(section, document.get(section, {}), tuple(names), errors)
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


def _stopping(value: Any, errors: list[FieldError]) -> EarlyStopping:
    names = tuple(path.split(".")[1] for path in STOPPING)
    given = _mapping("early_stopping", value, names, errors)
    found = [
        knob.check(path, given[name])
        for name, (path, knob) in zip(names, STOPPING.items(), strict=True)
        if name in given
    ]
    refused = [error for error in found if error]
    errors.extend(refused)
    if refused or not set(given) <= set(names):
        return EarlyStopping()
    return EarlyStopping(**given)


def _name(value: Any, errors: list[FieldError]) -> str | None:
    if value is None:
        return None
    printable = isinstance(value, str) and not any(unicodedata.category(c) == "Cc" for c in value)
    if printable and 1 <= len(value.strip()) <= MAX_NAME:
        return str(value).strip()
    errors.append(
        FieldError("name", f"name is {show(value)}; accepted: one line of 1 to {MAX_NAME} letters.")
    )
    return None


def _check_size(
    axes: Mapping[str, list[Any]], seeds: list[int], max_runs: int, errors: list[FieldError]
) -> None:
    runs = prod(len(values) for values in axes.values()) * len(seeds)
    if runs > max_runs:
        field = max(axes, key=lambda path: len(axes[path]))
        if len(seeds) > len(axes[field]):
            field = SEEDS
        count = len(seeds) if field == SEEDS else len(axes[field])
        detail = f"{field} has {count:,} values, which makes {runs:,} runs"
        errors.append(FieldError(field, f"{detail}; accepted: at most {max_runs:,} runs."))


def _expand(
    axes: Mapping[str, list[Any]], seeds: list[int], stopping: EarlyStopping
) -> list[RunSpec]:
    """Multiply the axes into runs. Knobs without effect are dropped, twins merged."""
    errors: dict[FieldError, None] = {}
    cells: dict[tuple[tuple[str, Any], ...], None] = {}
    used: set[str] = set()
    for values in product(*axes.values()):
        cell = _cell(dict(zip(axes, values, strict=True)))
        used |= cell.keys()
        if error := check_combination(cell):
            errors[error] = None
        cells[tuple(cell.items())] = None
    for path in axes.keys() - used:
        detail = f"{path} is {show(axes[path])}; accepted: nothing here, it is for "
        errors[FieldError(path, f"{detail}{APPLIES_TO[path]} only.")] = None
    if errors:
        raise InvalidSpec(list(errors))
    early = {f"early_stopping.{k}": v for k, v in stopping.model_dump().items()}
    return [
        RunSpec.from_params({**dict(cell), "training.seed": seed, **early})
        for cell in cells
        for seed in seeds
    ]


def _cell(given: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in the defaults of one combination and drop the knobs that do not apply."""
    source = given["dataset.source"]
    family = given.get("model.family", default("model.family", source))
    chosen = {
        path: given.get(path, default(path, source, family))
        for path in AXES
        if path not in ("training.seed", "dataset.source")
    }
    chosen = {"dataset.source": source, **chosen}
    return {path: value for path, value in chosen.items() if applies(path, chosen)}


def _default_name(axes: Mapping[str, list[Any]]) -> str:
    titles = " and ".join(SOURCES[source].title for source in axes["dataset.source"])
    varied = [
        path.split(".")[1].replace("_", " ")
        for path, values in axes.items()
        if len(values) > 1 and path != "dataset.source"
    ]
    return f"{titles}: {' against '.join(varied)}" if varied else titles

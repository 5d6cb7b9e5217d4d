"""Early stopping as written: what each criterion takes, and what it falls back on."""

from collections.abc import Mapping
from typing import Any

from backend.errors import FieldError, InvalidSpec
from backend.specification.criteria import STOPPING_CRITERIA
from backend.specification.fields import read_mapping
from backend.specification.hyperparameters import STOPPING, show
from backend.specification.run_spec import EarlyStopping

CRITERION = "early_stopping.criterion"
DEFAULTS: dict[str, Mapping[str, float]] = {
    name: criterion.defaults for name, criterion in STOPPING_CRITERIA.items()
}
"""The settings of each criterion with their defaults."""

GENERAL = {CRITERION: "patience", "early_stopping.action": "flag"}


def read_stopping(value: Any, errors: list[FieldError]) -> dict[str, Any]:
    """Return what is given of early stopping by dotted path, noting every refused field."""
    names = {path.split(".")[1]: path for path in STOPPING}
    written = read_mapping("early_stopping", value, tuple(names), errors)
    given = {path: written[name] for name, path in names.items() if name in written}
    errors += [e for path, one in given.items() if (e := STOPPING[path].check(path, one))]
    return given


def completed(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the knobs of the chosen criterion by dotted path, defaults filled in."""
    general = {path: given.get(path, usual) for path, usual in GENERAL.items()}
    special = {f"early_stopping.{k}": v for k, v in DEFAULTS[general[CRITERION]].items()}
    return general | {path: given.get(path, usual) for path, usual in special.items()}


def criteria_with(path: str) -> list[str]:
    """Return the criteria that take a knob."""
    name = path.split(".")[1]
    return [each for each, knobs in DEFAULTS.items() if name in knobs] or list(DEFAULTS)


def defaults(path: str) -> dict[str, Any]:
    """Return a knob's default for each criterion that takes it."""
    if path in GENERAL:
        return dict.fromkeys(DEFAULTS, GENERAL[path])
    return {each: DEFAULTS[each][path.split(".")[1]] for each in criteria_with(path)}


def without_effect(where: str, path: str, value: Any) -> FieldError:
    """Return the refusal of a knob that the chosen criterion does not take."""
    takers = " or ".join(criteria_with(path))
    detail = f"{where} is {show(value)}; accepted: with criterion {takers} only."
    return FieldError(where, detail)


def asked(query: Mapping[str, str], own: EarlyStopping) -> EarlyStopping:
    """Return the early stopping that a query asks for, each knob as text under its name.

    What the query leaves out is as in `own` under the same criterion, else the default. Raises
    InvalidSpec.
    """
    errors: list[FieldError] = []
    written = {name: _parsed(name, text) for name, text in query.items()}
    given = read_stopping(written, errors)
    mine = {f"early_stopping.{k}": v for k, v in own.model_dump(exclude_none=True).items()}
    same = given.get(CRITERION, own.criterion) == own.criterion
    if not errors:
        full = completed({**mine, **given} if same else given)
        errors = [without_effect(p, p, value) for p, value in given.items() if p not in full]
    if errors:
        raise InvalidSpec(errors)
    return EarlyStopping(**{path.split(".")[1]: value for path, value in full.items()})


def _parsed(name: str, text: str) -> Any:
    """Read a number where the knob takes one; what is none stays text, to be refused as such."""
    knob = STOPPING.get(f"early_stopping.{name}")
    if knob is None or "enum" in knob.schema:
        return text
    try:
        return int(text) if knob.schema["type"] == "integer" else float(text)
    except ValueError:
        return text


def usual() -> EarlyStopping:
    """Return what a run has that says nothing of early stopping."""
    return EarlyStopping(**{path.split(".")[1]: value for path, value in completed({}).items()})

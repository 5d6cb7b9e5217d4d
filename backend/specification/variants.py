"""Variants: named sets of changes to a specification, each trained on every combination and seed.

Lists multiply, whereas variants are alternatives to each other: the others are compared with the
first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from backend.errors import FieldError
from backend.specification.fields import read_line, read_mapping
from backend.specification.hyperparameters import HYPERPARAMETERS, Role, show
from backend.specification.params import Params, ParamValue

MAX_VARIANTS = 50
MAX_NAME_CHARACTERS = 80
MAX_ABOUT_CHARACTERS = 500

_BY_SECTION: dict[str, dict[str, str]] = {}
for _path, _hyperparameter in HYPERPARAMETERS.items():
    if _hyperparameter.role != Role.SEED:
        _BY_SECTION.setdefault(_hyperparameter.section, {})[_hyperparameter.name] = _path

FIELDS = ("name", "about", *_BY_SECTION)


@dataclass(frozen=True)
class Variant:
    """One variant. `changes` maps dotted paths, including early stopping, to single values."""

    name: str
    about: str | None = None
    changes: Params = field(default_factory=dict)

    def document(self) -> dict[str, object]:
        """Return the variant as a person would write it."""
        document: dict[str, object] = {"name": self.name}
        if self.about:
            document["about"] = self.about
        sections: dict[str, dict[str, ParamValue]] = {}
        for path, value in self.changes.items():
            section, name = path.split(".")
            sections.setdefault(section, {})[name] = value
        return document | sections


def read_variants(value: object, errors: list[FieldError]) -> list[Variant]:
    """Return the variants of a specification. Append an error for every refused field."""
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_VARIANTS:
        shown = f"a list of {len(value)}" if isinstance(value, list) else show(value)
        detail = f"variants is {shown}; accepted: a list of 1 to {MAX_VARIANTS} variants."
        errors.append(FieldError("variants", detail))
        return []
    variants = [_variant(f"variants[{i}]", item, errors) for i, item in enumerate(value)]
    names = [variant.name for variant in variants]
    for index, name in enumerate(names):
        if name and name in names[:index]:
            where = f"variants[{index}].name"
            detail = f"{where} is {show(name)} a second time; accepted: once each."
            errors.append(FieldError(where, detail))
    return variants


def _variant(where: str, value: object, errors: list[FieldError]) -> Variant:
    written = read_mapping(where, value, FIELDS, errors)
    name = None
    if written:
        name = read_line(f"{where}.name", written.get("name"), MAX_NAME_CHARACTERS, errors)
    about = None
    if written.get("about") is not None:
        about = read_line(f"{where}.about", written["about"], MAX_ABOUT_CHARACTERS, errors)
    return Variant(name or "", about, _changes(where, written, errors))


def _changes(
    where: str, written: Mapping[str, object], errors: list[FieldError]
) -> dict[str, ParamValue]:
    changes: dict[str, ParamValue] = {}
    for section, paths in _BY_SECTION.items():
        fields = read_mapping(f"{where}.{section}", written.get(section, {}), paths, errors)
        for name, value in fields.items():
            if path := paths.get(name):
                changes[path] = HYPERPARAMETERS[path].read(f"{where}.{path}", value, errors)
    return changes

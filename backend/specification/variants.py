"""Variants: named sets of changes to a specification, each trained on every combination and seed.

Where axes multiply, variants stand side by side: the first is what the others are compared with.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from backend.errors import FieldError
from backend.specification.fields import read_line, read_mapping
from backend.specification.hyperparameters import AXES, SECTIONS, STOPPING, Knob, show

MAX_VARIANTS = 50
MAX_NAME = 80
MAX_ABOUT = 500
FIELDS = ("name", "about", *SECTIONS, "early_stopping")
KNOBS: dict[str, Knob] = {path: knob for path, knob in AXES.items() if path != "training.seed"}


@dataclass(frozen=True)
class Variant:
    """One variant. `changes` maps dotted paths, of early stopping too, to single values."""

    name: str
    about: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the variant as a person would write it."""
        written: dict[str, Any] = {"name": self.name}
        if self.about:
            written["about"] = self.about
        for path, value in self.changes.items():
            section, name = path.split(".")
            written.setdefault(section, {})[name] = value
        return written


def read_variants(value: Any, errors: list[FieldError]) -> list[Variant]:
    """Return the variants of a specification, noting every refused field."""
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_VARIANTS:
        given = f"a list of {len(value)}" if isinstance(value, list) else show(value)
        detail = f"variants is {given}; accepted: a list of 1 to {MAX_VARIANTS} variants."
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


def _variant(where: str, value: Any, errors: list[FieldError]) -> Variant:
    given = read_mapping(where, value, FIELDS, errors)
    name = read_line(f"{where}.name", given.get("name"), MAX_NAME, errors) if given else None
    about = given.get("about")
    if about is not None:
        about = read_line(f"{where}.about", about, MAX_ABOUT, errors)
    changes: dict[str, Any] = {}
    for section in (*SECTIONS, "early_stopping"):
        known = {p.split(".")[1]: p for p in (*KNOBS, *STOPPING) if p.startswith(f"{section}.")}
        fields = read_mapping(f"{where}.{section}", given.get(section, {}), tuple(known), errors)
        changes |= {known[key]: fields[key] for key in fields if key in known}
    for path, one in changes.items():
        if error := {**KNOBS, **STOPPING}[path].check(f"{where}.{path}", one):
            errors.append(error)
    return Variant(name or "", about, changes)

"""The form of a new experiment: a field for each knob, and when it applies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from backend.specification.applicability import WHEN, idle_value
from backend.specification.defaults import FAMILY_DEFAULTS, default
from backend.specification.early_stopping import CRITERION, criteria_with
from backend.specification.early_stopping import defaults as stopping_defaults
from backend.specification.families import FAMILIES
from backend.specification.hyperparameters import AXES, STOPPING, Knob
from backend.specification.placement import FIELDS, Placement
from backend.specification.sources import SOURCES
from frontend import formatting
from frontend.choices import choice, in_words
from frontend.lesson import WHY

SECTIONS = {
    "dataset": "Data",
    "model": "Model",
    "training": "Training",
    "early_stopping": "Early stopping",
}

# what few set: behind a fold
FURTHER = {
    "dataset.n_features",
    "model.normalisation",
    "training.momentum",
    "training.schedule",
    "training.schedule_every",
    "training.schedule_factor",
    "training.loss",
    "training.label_smoothing",
    "early_stopping.min_delta",
    "early_stopping.start_from_epoch",
}

NOTES: dict[str, Mapping[str, str]] = {
    "dataset.source": {name: source.about for name, source in SOURCES.items()},
    "model.family": {name: family.about for name, family in FAMILIES.items()},
    "early_stopping.action": {
        "flag": "Training goes on; the epoch is marked on the charts.",
        "stop": "The run ends at that epoch.",
    },
    "device": {
        "any": "Any worker may train it.",
        "cpu": "Waits for a worker that trains on a CPU.",
        "gpu": "Waits for a worker that trains on a GPU.",
    },
    "priority": {
        "low": "Its runs wait until none of others are waiting.",
        "normal": "Its runs take turns with those of other experiments.",
        "high": "Its runs go before those of others that are waiting.",
    },
}

PLACEMENT_ABOUT = {
    "device": "Which workers may train it.",
    "priority": "Which of the experiments that wait goes first.",
}

QUEUE = "Queue"
"""The section of what is the experiment's, not its runs': its device and its priority."""

PROBLEMS = {
    "classification": "tell classes apart",
    "regression": "predict a number",
}
"""The types of problem, in words: the form asks first, and shows the sources of that type."""

SLIDERS = {
    "dataset.input_noise": 0.5,
    "dataset.label_noise": 0.5,
    "dataset.target_noise": 1.0,
    "model.dropout": 0.9,
}
"""Knobs with a slider beside the field, each with where it ends; it begins at 0."""

TOGGLES = ("x1", "x2", "x1^2", "x2^2", "x1*x2", "sin(5*x1)", "sin(5*x2)")
"""Features of two inputs that are one click away, as in TensorFlow Playground."""

SEEDS_ABOUT = ' A count, or a list of seeds: "7," is just seed 7.'


@dataclass(frozen=True)
class FormField:
    """A knob in the form.

    `value` is what it starts with, as the person would write it. `when` maps a controlling knob to
    those of its values with which this one applies; `idle` is what it is where it does not.
    `defaults` maps a source, a source and a family, or a criterion of early stopping, to the
    default. `why` says what it has to do with overfitting. `choices` are values with their words;
    `most` is where a slider beside the field ends, None of a field without.
    """

    path: str
    label: str
    about: str
    accepted: str
    choices: Mapping[str, str]
    is_axis: bool
    value: str
    further: bool
    notes: Mapping[str, str]
    when: Mapping[str, Sequence[str]]
    idle: str
    defaults: Mapping[str, str]
    why: str
    most: float | None

    @property
    def chosen(self) -> Sequence[str]:
        """The values it starts with, of a field with choices."""
        return [part.strip() for part in self.value.split(",") if part.strip()]


def form_fields(document: Mapping[str, Any]) -> dict[str, list[FormField]]:
    """Return the form's fields by section, choices first, filled in from a specification."""
    knobs = [(knob, True) for knob in AXES.values()] + [(knob, False) for knob in STOPPING.values()]
    # what can take one value only is no question
    fields = [_field(knob, axis, document) for knob, axis in knobs if "const" not in knob.schema]
    fields.sort(key=lambda field: not field.choices)
    return {
        title: [field for field in fields if field.path.startswith(f"{section}.")]
        for section, title in SECTIONS.items()
    } | {QUEUE: [_placement(name, document) for name in FIELDS]}


def _placement(name: str, document: Mapping[str, Any]) -> FormField:
    """Return the field of `device` or `priority`, which take one value."""
    return FormField(
        path=name,
        label=formatting.knob(name).capitalize(),
        about=PLACEMENT_ABOUT[name],
        accepted=", ".join(FIELDS[name]),
        choices={each: choice(name, each) for each in FIELDS[name]},
        is_axis=False,
        value=document.get(name) or "",
        further=False,
        notes=NOTES[name],
        when={},
        idle="",
        defaults={"*": getattr(Placement(), name)},
        why=WHY[name],
        most=None,
    )


def _field(knob: Knob, is_axis: bool, document: Mapping[str, Any]) -> FormField:
    is_seed = knob.path == "training.seed"
    path = "training.seeds" if is_seed else knob.path
    section, name = path.split(".")
    return FormField(
        path=path,
        label=formatting.knob(path).capitalize(),
        about=in_words(knob.about) + (SEEDS_ABOUT if is_seed else ""),
        accepted=knob.accepted,
        choices={each: choice(path, each) for each in knob.schema.get("enum", [])},
        is_axis=is_axis,
        value=_written((document.get(section) or {}).get(name)),
        further=path in FURTHER,
        notes=NOTES.get(path, {}),
        when=_when(knob.path),
        idle=_written(idle_value(knob.path)) if is_axis else "",
        defaults={"*": "1"} if is_seed else _defaults(knob.path, is_axis),
        why=WHY.get(path, ""),
        most=SLIDERS.get(path),
    )


def _when(path: str) -> dict[str, list[str]]:
    """Return the controlling knobs with those of their values that let `path` apply."""
    if path in STOPPING:
        takers = criteria_with(path)
        return {CRITERION: takers} if takers != STOPPING[CRITERION].schema["enum"] else {}
    return {c: [_written(v) for v in values] for c, values in WHEN.get(path, {}).items()}


def _defaults(path: str, is_axis: bool) -> dict[str, str]:
    if not is_axis:
        found = {each: _written(value) for each, value in stopping_defaults(path).items()}
        return {"*": next(iter(found.values()))} | found
    if path == "dataset.source":
        return {}
    usual = {source: _written(default(path, source)) for source in SOURCES}
    of_family = {
        f"{source} {family}": _written(default(path, source, family))
        for source, family in product(SOURCES, FAMILY_DEFAULTS)
        if path != "model.family"
    }
    return usual | of_family


def _written(value: Any) -> str:
    """Write a value, or a list of them, as it is typed into a field."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(_written, value)) + ("," if len(value) == 1 else "")
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)

"""Page with the form for a new experiment: one field for each setting, from its declaration."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from backend.errors import NotFound
from backend.specification.data_sources import SOURCES, Source, source_of_table
from backend.specification.hyperparameters import (
    AXES,
    HYPERPARAMETERS,
    SECTIONS,
    Choice,
    Hyperparameter,
    Role,
)
from backend.specification.hyperparameters.dataset import SOURCE
from backend.specification.placement import PLACEMENT_SETTINGS, PlacementSetting
from backend.specification.presets import PRESETS
from backend.specification.setting_status import SettingStatus, setting_statuses
from backend.store import datasets, experiments
from backend.store.dataset_sources import facts_of
from frontend.site import Reading, render

router = APIRouter()

WITHOUT_FIELD = ("variants",)  # parts of a specification that the form sends unchanged
START = {"dataset": {"source": "moons"}}

QUEUE = "Queue"
"""The heading of the settings that belong to the experiment, not to its runs."""

PROBLEMS = {
    "classification": "tell classes apart",
    "regression": "predict a number",
}
"""The types of problem in words. The form asks for one first and then offers its data sets."""

TOGGLES = ("x1", "x2", "x1^2", "x2^2", "x1*x2", "sin(5*x1)", "sin(5*x2)")
"""Features of two inputs that can be toggled with one click, as in TensorFlow Playground."""

SEEDS_HELP = ' A count, or a list of seeds: "7," is just seed 7.'


@router.get("/experiments/new")
def new_experiment(
    session: Reading,
    preset: str | None = None,
    copied: Annotated[int | None, Query(alias="from")] = None,
    source: str | None = None,
) -> HTMLResponse:
    """Show the form, empty or filled in from a preset, an earlier experiment or a data source.

    Raises NotFound.
    """
    document = _document(session, preset, copied, source)
    own = _own_sources(session, document)
    sections = form_fields(document, {name: source.title for name, source in own.items()})
    fields = [field for section in sections.values() for field in section]
    return render(
        "new_experiment.html",
        sections=sections,
        name=document.get("name") or "",
        variants=document.get("variants", []),
        extra={name: document[name] for name in WITHOUT_FIELD if document.get(name)},
        presets=PRESETS.values(),
        chosen=preset,
        copied=copied,
        problems=PROBLEMS,
        toggles=TOGGLES,
        statuses={field.path: asdict(field.status) for field in fields},
        flat=[name for name, source in SOURCES.items() if source.features == 2],
        problem_of={name: source.problem for name, source in {**SOURCES, **own}.items()},
    )


def _own_sources(session: Session, document: Mapping[str, object]) -> dict[str, Source]:
    """Return the data sets that people have added, and the versions in a specification."""
    section = document.get(SOURCE.section)
    written = section.get(SOURCE.name) if isinstance(section, Mapping) else None
    names = written if isinstance(written, list) else [written]
    used = [SOURCES[name] for name in names if isinstance(name, str) and name in SOURCES]
    live = [source_of_table(facts_of(d)) for d in datasets.listed(session) if d.choice]
    return {source.name: source for source in [*live, *used] if source.table is not None}


def _document(
    session: Session, preset: str | None, copied: int | None, source: str | None
) -> Mapping[str, object]:
    if copied is not None:
        return experiments.specification(session, copied)
    if preset is None:
        known = SOURCES.get(source) if source else None
        return {"dataset": {"source": known.name}} if known else START
    if preset not in PRESETS:
        raise NotFound(f"There is no preset {preset[:60]}. Available: {', '.join(PRESETS)}.")
    return PRESETS[preset].document


@dataclass(frozen=True)
class FormField:
    """One field of the form.

    `value` is its initial text. `choices` maps names to titles, empty for a text field; `notes`
    says what each choice does. `is_axis` means that it takes several values. `slider_end` is the
    upper end of a slider next to the field, None without one.
    """

    path: str
    label: str
    help: str
    why: str
    accepted: str
    choices: Mapping[str, str]
    notes: Mapping[str, str]
    is_axis: bool
    advanced: bool
    slider_end: float | None
    value: str
    status: SettingStatus

    @property
    def chosen(self) -> Sequence[str]:
        """The initially chosen names of a field with choices."""
        return [name.strip() for name in self.value.split(",") if name.strip()]

    @property
    def placeholder(self) -> str:
        """The defaults in the notation of the field."""
        return " or ".join(map(written, self.status.defaults))

    def is_default(self, choice: str) -> bool:
        """Return whether a choice takes effect because no other one is chosen."""
        return not self.chosen and choice in self.status.defaults


def form_fields(
    document: Mapping[str, object], own_sources: Mapping[str, str] | None = None
) -> dict[str, list[FormField]]:
    """Return the fields by heading, choices first, filled in from a specification.

    `own_sources` are the titles of the data sets that people have added, by name.
    """
    statuses = setting_statuses(document)
    by_heading = {section.heading: _fields(name, document, statuses) for name, section in
                  SECTIONS.items()}  # fmt: skip
    heading = SECTIONS[SOURCE.section].heading
    by_heading[heading] = [
        replace(field, choices={**field.choices, **(own_sources or {})})
        if field.path == SOURCE.path
        else field
        for field in by_heading[heading]
    ]
    placement = [
        _placement(setting, document, statuses[name])
        for name, setting in PLACEMENT_SETTINGS.items()
    ]
    return by_heading | {QUEUE: placement}


def _fields(
    section: str, document: Mapping[str, object], statuses: Mapping[str, SettingStatus]
) -> list[FormField]:
    values = document.get(section)
    values = values if isinstance(values, Mapping) else {}
    fields = [
        _field(
            hyperparameter,
            values.get(hyperparameter.written_name),
            statuses[hyperparameter.written_path],
        )
        for hyperparameter in HYPERPARAMETERS.values()
        if hyperparameter.section == section
    ]
    return sorted(fields, key=lambda field: not field.choices)


def _field(hyperparameter: Hyperparameter, value: object, status: SettingStatus) -> FormField:
    is_seed = hyperparameter.role is Role.SEED
    return FormField(
        path=hyperparameter.written_path,
        label="Seeds" if is_seed else hyperparameter.title,
        help=hyperparameter.help + (SEEDS_HELP if is_seed else ""),
        why=hyperparameter.why,
        accepted=hyperparameter.accepted,
        choices=_titles({name: hyperparameter.choices[name] for name in hyperparameter.names}),
        notes=hyperparameter.notes,
        is_axis=hyperparameter.path in AXES,
        advanced=hyperparameter.advanced,
        slider_end=hyperparameter.slider_end,
        value=written(value),
        status=status,
    )


def _placement(
    setting: PlacementSetting, document: Mapping[str, object], status: SettingStatus
) -> FormField:
    return FormField(
        path=setting.name,
        label=setting.label.capitalize(),
        help=setting.help,
        why=setting.why,
        accepted=", ".join(setting.choices),
        choices=_titles(setting.choices),
        notes={name: choice.about for name, choice in setting.choices.items()},
        is_axis=False,
        advanced=False,
        slider_end=None,
        value=written(document.get(setting.name)),
        status=status,
    )


def _titles(choices: Mapping[str, Choice]) -> dict[str, str]:
    return {name: choice.title for name, choice in choices.items()}


def written(value: object) -> str:
    """Write a value, or a list of values, in the notation of a text field."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(written, value)) + ("," if len(value) == 1 else "")
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)

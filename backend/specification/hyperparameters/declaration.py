"""Hyperparameter: all facts about one setting of a run, declared in one place."""

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import NoneType
from typing import Annotated, ClassVar, Protocol, TypedDict, cast, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    TypeAdapter,
    ValidationError,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from backend.errors import FieldError
from backend.specification.params import ParamValue

STRICT = ConfigDict(strict=True, allow_inf_nan=False)
MAX_NAME_CHARACTERS = 120  # of a name in a registry that people can extend
MAX_SHOWN_CHARACTERS = 60  # of a refused value, within an error message


class Section(BaseModel):
    """A section of a run's specification: strict types, no unknown fields, no NaN, immutable.

    `heading` is its title in the user interface.
    """

    heading: ClassVar[str] = ""

    model_config = ConfigDict(frozen=True, extra="forbid", **STRICT)


class Role(StrEnum):
    """The part that a hyperparameter plays in a run. Analyses group hyperparameters by it."""

    TASK = "task"
    DATA = "data"
    EVALUATION = "evaluation"
    NOISE = "noise"
    ARCHITECTURE = "architecture"
    CAPACITY = "capacity"
    REGULARISATION = "regularisation"
    OPTIMISATION = "optimisation"
    EARLY_STOPPING = "early stopping"
    SEED = "seed"


class ValueSchema(TypedDict, total=False):
    """The part of JSON schema that hyperparameters use. `accepted` describes text in words."""

    type: str
    accepted: str
    enum: list[str]
    const: str
    minimum: float
    maximum: float
    exclusiveMinimum: float
    exclusiveMaximum: float


class Choice(Protocol):
    """One of the named values of a hyperparameter. Entries of registries are choices."""

    @property
    def title(self) -> str:
        """The name of the choice in the user interface."""


@dataclass(frozen=True, eq=False)
class NameIn:
    """Pydantic annotation of a string that is a key of a registry.

    ``Annotated[str, NameIn(OPTIMIZERS)]`` validates, and appears in a JSON schema, as a Literal of
    the registry's keys would. A registry that people can extend has a method `canonical`, which
    returns the canonical form of a name or raises ValueError.
    """

    registry: Mapping[str, object]

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Return the schema of the names that are registered when the model is defined."""
        canonical = getattr(self.registry, "canonical", None)
        if canonical is None:
            return core_schema.literal_schema(list(self.registry))
        return core_schema.no_info_after_validator_function(
            canonical, core_schema.str_schema(strict=True, max_length=MAX_NAME_CHARACTERS)
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema of the names that come with the product."""
        if hasattr(self.registry, "canonical"):
            return {"type": "string", "enum": list(self.registry)}
        return handler(schema)


@dataclass(frozen=True)
class NamedChoice:
    """A choice that has no registry: its title, and a sentence about what it does."""

    title: str
    about: str = ""


@dataclass(frozen=True, eq=False)
class Hyperparameter:
    """The declaration of one hyperparameter.

    `accepts` is the type of its values with their bounds. Leave it out where the values are the
    names in `choices`. `label` is its name in the user interface, `help` says what it is, and `why`
    what it has to do with overfitting. `default` is the general default; data sources, families of
    models and criteria of early stopping may have their own. `when` maps other hyperparameters to
    those of their values with which this one has an effect. `advanced` settings are folded away in
    the form. `slider_end` is the upper end of the slider next to its field, which starts at 0.
    `list_name` is the name under which a specification sets it, if that is another one.

    Annotate a field of a `Section` with it; the field's default is the value that a run has where
    the hyperparameter has no effect.
    """

    section: str
    name: str
    label: str
    help: str
    why: str
    role: Role
    accepts: object = None
    choices: Mapping[str, Choice] = field(default_factory=dict)
    default: ParamValue = None
    when: "Mapping[Hyperparameter, Sequence[ParamValue]]" = field(default_factory=dict)
    advanced: bool = False
    slider_end: float | None = None
    list_name: str | None = None

    @cached_property
    def path(self) -> str:
        """The dotted path of the hyperparameter in a run's params, such as model.width."""
        return f"{self.section}.{self.name}"

    @property
    def written_path(self) -> str:
        """The dotted path under which a specification sets the hyperparameter."""
        return f"{self.section}.{self.written_name}"

    @property
    def written_name(self) -> str:
        """The name under which a specification sets the hyperparameter."""
        return self.list_name or self.name

    @property
    def title(self) -> str:
        """The label at the beginning of a line."""
        return self.label[:1].upper() + self.label[1:]

    @property
    def accepted(self) -> str:
        """The accepted values in words."""
        return _in_words(self.schema)

    @property
    def names(self) -> list[str]:
        """The accepted names, empty for numbers and text."""
        return list(self.choices) if self.accepts is None else []

    @cached_property
    def schema(self) -> ValueSchema:
        """The JSON schema of an accepted value."""
        return cast("ValueSchema", self._adapter.json_schema())

    @cached_property
    def maximum(self) -> int:
        """The highest accepted number. Raises KeyError for settings that are not bounded."""
        return int(self.schema["maximum"])

    def read(self, path: str, value: object, errors: list[FieldError]) -> ParamValue:
        """Return the value written at `path` in its canonical form: "x1+x2" as "x1 + x2".

        Appends an error and returns None if the value is not accepted.
        """
        try:
            canonical: ParamValue = self._adapter.validate_python(value)
        except ValidationError:
            detail = f"{path} is {show(value)}; accepted: {self.accepted}."
            errors.append(FieldError(path, detail))
            return None
        return value if isinstance(value, int | float) else canonical

    def choice_title(self, value: str) -> str:
        """Return the title of a choice, or the value itself if it is not a choice."""
        return self.choices[value].title if value in self.choices else value

    @property
    def notes(self) -> dict[str, str]:
        """A sentence about each choice that has one."""
        abouts = {name: str(getattr(choice, "about", "")) for name, choice in self.choices.items()}
        return {name: about for name, about in abouts.items() if about}

    @property
    def _type(self) -> object:
        return Annotated[str, NameIn(self.choices)] if self.accepts is None else self.accepts

    @cached_property
    def _adapter(self) -> TypeAdapter[ParamValue]:
        return TypeAdapter(cast("type[ParamValue]", self._type), config=STRICT)

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Return the schema of a section's field that is annotated with the hyperparameter."""
        schema = handler.generate_schema(self._type)
        return core_schema.nullable_schema(schema) if NoneType in get_args(source) else schema


def declared(section: type[Section]) -> dict[str, Hyperparameter]:
    """Return the hyperparameters of a section by dotted path, in the order of its fields."""
    annotations = (
        hyperparameter for info in section.model_fields.values() for hyperparameter in info.metadata
    )
    return {
        hyperparameter.path: hyperparameter
        for hyperparameter in annotations
        if isinstance(hyperparameter, Hyperparameter)
    }


def show(value: object) -> str:
    """Write a refused value as it was sent, shortened."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "a deeply nested value"
    except (TypeError, ValueError):
        text = repr(value)
    fits = len(text) <= MAX_SHOWN_CHARACTERS
    return text if fits else f"{text[: MAX_SHOWN_CHARACTERS - 3]}..."


def takers(registry: "Mapping[str, TakesSettings]", name: str) -> list[str]:
    """Return the names of those entries of a registry that take a setting."""
    return [key for key, entry in registry.items() if name in entry.settings]


class TakesSettings(Protocol):
    """An entry of a registry that takes settings of its own."""

    @property
    def settings(self) -> Collection[str]:
        """The names of the settings, without their section."""


def _in_words(schema: ValueSchema) -> str:
    if "accepted" in schema:
        return str(schema["accepted"])
    if "enum" in schema:
        return ", ".join(schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    noun = "a whole number" if schema["type"] == "integer" else "a number"
    if "exclusiveMinimum" in schema:
        low, high = _plain(schema["exclusiveMinimum"]), _plain(schema["maximum"])
        return f"{noun} above {low} up to {high}"
    low = _plain(schema["minimum"])
    if "exclusiveMaximum" in schema:
        return f"{noun} from {low} and below {_plain(schema['exclusiveMaximum'])}"
    return f"{noun} from {low} to {_plain(schema['maximum'])}"


def _plain(bound: float) -> str:
    return f"{bound:,.0f}" if bound == int(bound) else f"{bound:g}"

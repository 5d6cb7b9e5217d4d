"""The knobs: the dotted paths of the specification and what each accepts."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from backend.errors import FieldError
from backend.specification.run_spec import Dataset, EarlyStopping, Model, Section, Training

SECTIONS: dict[str, type[Section]] = {"dataset": Dataset, "model": Model, "training": Training}


@dataclass(frozen=True)
class Knob:
    """One knob: its dotted path, what it means and what it accepts."""

    path: str
    about: str
    schema: Mapping[str, Any]
    adapter: TypeAdapter[Any]

    @property
    def accepted(self) -> str:
        """What the knob accepts, in words."""
        return _in_words(self.schema)

    def read(self, value: Any) -> Any:
        """Return an accepted value as it is always written: "x1+x2" as "x1 + x2"."""
        return self.adapter.validate_python(value) if isinstance(value, str) else value

    def check(self, path: str, value: Any) -> FieldError | None:
        """Return the error of a value at `path` (the knob's own, or with an index), or None."""
        try:
            self.adapter.validate_python(value)
        except ValidationError:
            return FieldError(path, f"{path} is {show(value)}; accepted: {self.accepted}.")
        return None


def _knobs(section: str, model: type[Section]) -> dict[str, Knob]:
    result = {}
    for name, info in model.model_fields.items():
        annotation: Any = info.annotation
        if type(None) in getattr(annotation, "__args__", ()):  # None is ours alone to set
            annotation = annotation.__args__[0]
        if info.metadata:
            annotation = Annotated[(annotation, *info.metadata)]
        adapter: TypeAdapter[Any] = TypeAdapter(annotation, config=_CONFIG)
        path = f"{section}.{name}"
        result[path] = Knob(path, info.description or "", adapter.json_schema(), adapter)
    return result


_CONFIG: Any = {"strict": True, "allow_inf_nan": False}
AXES: dict[str, Knob] = {
    path: knob for name, model in SECTIONS.items() for path, knob in _knobs(name, model).items()
}
"""The knobs that may be lists. `training.seed` is set through `training.seeds`."""

STOPPING: dict[str, Knob] = _knobs("early_stopping", EarlyStopping)


def highest(path: str) -> int:
    """Return the highest value that the knob at `path` accepts."""
    return int(AXES[path].schema["maximum"])


def show(value: Any) -> str:
    """Write a refused value as the person wrote it, shortened."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "a deeply nested value"
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _in_words(schema: Mapping[str, Any]) -> str:
    if "accepted" in schema:
        return str(schema["accepted"])
    if "enum" in schema:
        return ", ".join(schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    noun = "a whole number" if schema["type"] == "integer" else "a number"
    if "exclusiveMinimum" in schema:
        return (
            f"{noun} above {_plain(schema['exclusiveMinimum'])} up to {_plain(schema['maximum'])}"
        )
    low = _plain(schema["minimum"])
    if "exclusiveMaximum" in schema:
        return f"{noun} from {low} and below {_plain(schema['exclusiveMaximum'])}"
    return f"{noun} from {low} to {_plain(schema['maximum'])}"


def _plain(bound: float) -> str:
    return f"{bound:,.0f}" if bound == int(bound) else f"{bound:g}"

"""Presets: ready-made experiments, each a file in the folder `presets`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from backend.specification.params import JsonObject, ParamValue

_FOLDER = Path(__file__).parent / "presets"
_SLUGS = (
    "five-dots", "two-moons", "iris", "digits",
    "polynomial-degree", "random-features", "width-double-descent",
    "learning-curves", "label-noise", "sample-double-descent",
    "bias-variance", "late-generalisation", "regularisation",
)  # fmt: skip


VARIANT = "variant"
"""The name of the variant of a run in `Expectation.where`."""


@dataclass(frozen=True)
class Expectation:
    """A value that a preset leads to: the mean of a metric over the runs with some settings.

    `value` was measured on one machine (`python -m bench.presets`). Others may differ slightly.
    """

    of: str
    metric: str
    value: float
    where: Mapping[str, ParamValue]
    at: Literal["best", "last"]


@dataclass(frozen=True)
class Preset:
    """A ready-made experiment. `document` is its specification as a person would write it.

    `group` is its heading on the home page; `paper` describes the effect that it shows. `look` is
    what to look at on the experiment's page: the id of a heading, or a query with one, and a
    sentence. `next` is the
    preset that continues the lesson.
    """

    slug: str
    title: str
    group: str
    about: str
    paper: str | None
    document: JsonObject
    look: Sequence[tuple[str, str]]
    expected: Sequence[Expectation]
    next: str


def _read(slug: str) -> Preset:
    content = yaml.safe_load((_FOLDER / f"{slug}.yaml").read_text(encoding="utf-8"))
    return Preset(
        slug=slug,
        title=content["title"],
        group=content["group"],
        about=content["about"],
        paper=content.get("paper"),
        document=content["spec"],
        look=[(anchor, sentence) for anchor, sentence in content["look"]],
        expected=[
            Expectation(**{"where": {}, "at": "last", **entry}) for entry in content["expected"]
        ],
        next=content["next"],
    )


PRESETS: dict[str, Preset] = {slug: _read(slug) for slug in _SLUGS}
"""The presets by slug, in the order of the home page."""

PRESET_GROUPS: dict[str, list[Preset]] = {
    group: [preset for preset in PRESETS.values() if preset.group == group]
    for group in dict.fromkeys(preset.group for preset in PRESETS.values())
}
"""The presets by heading, in the same order."""


def preset_of(spec: JsonObject | None) -> Preset | None:
    """Return the preset that a specification came from, None for any other specification.

    The name and the seeds may have been changed.
    """
    if spec is None:
        return None
    ours = _without_seeds(spec)
    return next((p for p in PRESETS.values() if _without_seeds(p.document) == ours), None)


def _without_seeds(spec: JsonObject) -> JsonObject:
    training = {name: value for name, value in spec.get("training", {}).items() if name != "seeds"}
    return {**spec, "name": "", "training": training}

"""Presets: ready-made experiments, each a file in the folder `presets`."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from backend.specification.params import JsonObject

_FOLDER = Path(__file__).parent / "presets"
_SLUGS = (
    "five-dots", "two-moons", "iris", "digits",
    "polynomial-degree", "random-features", "width-double-descent",
    "learning-curves", "label-noise", "sample-double-descent",
    "late-generalisation", "regularisation",
)  # fmt: skip


@dataclass(frozen=True)
class Preset:
    """A ready-made experiment. `document` is its specification as a person would write it.

    `group` is its heading on the home page; `paper` describes the effect that it shows.
    """

    slug: str
    title: str
    group: str
    about: str
    paper: str | None
    document: JsonObject


def _read(slug: str) -> Preset:
    content = yaml.safe_load((_FOLDER / f"{slug}.yaml").read_text(encoding="utf-8"))
    return Preset(
        slug=slug,
        title=content["title"],
        group=content["group"],
        about=content["about"],
        paper=content.get("paper"),
        document=content["spec"],
    )


PRESETS: dict[str, Preset] = {slug: _read(slug) for slug in _SLUGS}
"""The presets by slug, in the order of the home page."""

PRESET_GROUPS: dict[str, list[Preset]] = {
    group: [preset for preset in PRESETS.values() if preset.group == group]
    for group in dict.fromkeys(preset.group for preset in PRESETS.values())
}
"""The presets by heading, in the same order."""

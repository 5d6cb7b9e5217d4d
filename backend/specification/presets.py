"""The experiments that are one click away; each is a file in the folder `presets`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_FOLDER = Path(__file__).parent / "presets"
_SLUGS = (
    "five-dots", "two-moons", "iris", "digits",
    "polynomial-degree", "random-features", "width-double-descent",
    "learning-curves", "label-noise", "sample-double-descent",
    "late-generalisation", "regularisation",
)  # fmt: skip


@dataclass(frozen=True)
class Preset:
    """A ready experiment; `document` is its specification as a person would write it.

    `group` is the heading it is offered under; `paper` is where the effect was described.
    """

    slug: str
    title: str
    group: str
    about: str
    paper: str | None
    document: dict[str, Any]


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
"""By slug, in the order in which they are offered."""

PRESET_GROUPS: dict[str, list[Preset]] = {
    group: [preset for preset in PRESETS.values() if preset.group == group]
    for group in dict.fromkeys(preset.group for preset in PRESETS.values())
}
"""The presets under their headings, in the same order."""

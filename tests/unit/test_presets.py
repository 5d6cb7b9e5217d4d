"""The presets are valid specifications."""

from pathlib import Path

import pytest

from backend.specification import validate
from backend.specification.presets import PRESET_GROUPS, PRESETS


def test_the_first_presets_are_the_first_steps() -> None:
    first = [preset.slug for preset in PRESET_GROUPS["First steps"]]
    assert first == ["five-dots", "two-moons", "iris", "digits"] == list(PRESETS)[:4]


def test_every_preset_has_a_heading_and_a_picture() -> None:
    assert [p for group in PRESET_GROUPS.values() for p in group] == list(PRESETS.values())
    pictures = Path(__file__).parents[2] / "frontend" / "templates" / "presets"
    assert {path.stem for path in pictures.glob("*.svg")} == PRESETS.keys()


@pytest.mark.parametrize("slug", PRESETS)
def test_a_preset_has_a_short_description(slug: str) -> None:
    about = PRESETS[slug].about
    assert about.endswith(".")
    assert len(about) < 260


@pytest.mark.parametrize("slug", PRESETS)
def test_a_preset_is_valid_and_named_by_its_title(slug: str) -> None:
    preset = PRESETS[slug]
    assert validate(preset.document).name == preset.title


def test_five_dots_compares_2_with_7_parameters() -> None:
    assert validate(PRESETS["five-dots"].document).axes["model.degree"] == [1, 6]

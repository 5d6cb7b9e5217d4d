"""The presets are valid specifications."""

import pytest

from backend.spec import validate
from backend.spec.presets import PRESETS


def test_all_four_presets_are_offered() -> None:
    assert list(PRESETS) == ["five-dots", "two-moons", "iris", "digits"]


@pytest.mark.parametrize("slug", PRESETS)
def test_a_preset_is_valid_and_named_as_its_title(slug: str) -> None:
    preset = PRESETS[slug]
    assert validate(preset.document).name == preset.title


def test_five_dots_compares_2_with_7_parameters() -> None:
    assert validate(PRESETS["five-dots"].document).axes["model.degree"] == [1, 6]

"""The lesson of a preset: which experiments it belongs to, and how its presets continue."""

import pytest

from backend.specification import validate
from backend.specification.presets import PRESETS, VARIANT, preset_of
from frontend import markdown_pages
from frontend.markdown_pages import anchor_of
from frontend.pages.lesson import lesson_of


@pytest.mark.parametrize("slug", PRESETS)
def test_an_experiment_with_other_seeds_is_still_the_preset(slug: str) -> None:
    document = PRESETS[slug].document
    training = {**document["training"], "seeds": 99}
    assert preset_of({**document, "name": "mine", "training": training}) is PRESETS[slug]


def test_a_changed_preset_has_no_lesson() -> None:
    document = PRESETS["two-moons"].document
    changed = {**document, "model": {**document["model"], "width": [2, 4]}}
    assert lesson_of(changed, [], {}) is None
    assert lesson_of(None, [], {}) is None


def test_the_lesson_leads_through_every_preset() -> None:
    slug, passed = next(iter(PRESETS)), []
    while slug not in passed:
        passed.append(slug)
        slug = PRESETS[slug].next
    assert set(passed) == PRESETS.keys()


@pytest.mark.parametrize("slug", PRESETS)
def test_every_expected_value_is_of_runs_that_the_preset_has(slug: str) -> None:
    spec = validate(PRESETS[slug].document)
    for expectation in PRESETS[slug].expected:
        names = [
            {**run.params(), VARIANT: label}
            for run, label in zip(spec.runs, spec.labels, strict=True)
        ]
        assert any(expectation.where.items() <= params.items() for params in names), expectation.of


@pytest.mark.parametrize("slug", PRESETS)
def test_a_preset_has_a_section_in_the_textbook(slug: str) -> None:
    page = markdown_pages.page("textbook")
    assert page
    assert f'id="{anchor_of(PRESETS[slug].title)}"' in page.html

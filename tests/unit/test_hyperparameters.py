"""The declarations of hyperparameters are complete."""

import pytest

from backend.errors import FieldError
from backend.specification.hyperparameters import (
    HYPERPARAMETERS,
    SECTIONS,
    Hyperparameter,
    Role,
    declared,
    with_role,
)

ALL = pytest.mark.parametrize("hyperparameter", HYPERPARAMETERS.values(), ids=HYPERPARAMETERS)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_field_of_a_section_is_declared_under_its_name(section: str) -> None:
    fields = [f"{section}.{name}" for name in SECTIONS[section].model_fields]
    assert list(declared(SECTIONS[section])) == fields


@ALL
def test_every_hyperparameter_is_explained(hyperparameter: Hyperparameter) -> None:
    assert hyperparameter.label
    assert hyperparameter.help.endswith(".")
    assert hyperparameter.why.endswith(".")
    assert hyperparameter.accepted


@ALL
def test_every_choice_has_a_title(hyperparameter: Hyperparameter) -> None:
    assert all(choice.title for choice in hyperparameter.choices.values())


@ALL
def test_defaults_are_accepted(hyperparameter: Hyperparameter) -> None:
    errors: list[FieldError] = []
    for value in (hyperparameter.default, hyperparameter.slider_end):
        if value is not None:
            hyperparameter.read(hyperparameter.path, value, errors)
    assert errors == []


def test_every_role_is_played() -> None:
    assert [role for role in Role if not with_role(role)] == []

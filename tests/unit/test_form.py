from collections.abc import Mapping
from typing import Any

import pytest

from backend.specification.hyperparameters import HYPERPARAMETERS
from frontend.formatting import badge, duration, number, value
from frontend.pages.new_experiment import FormField, form_fields
from tests.specs import run_spec


def fields(document: Mapping[str, object]) -> list[FormField]:
    return [field for section in form_fields(document).values() for field in section]


def field(path: str, document: Mapping[str, object] | None = None) -> FormField:
    return next(field for field in fields(document or {}) if field.path == path)


def test_every_hyperparameter_has_a_field() -> None:
    paths = {field.path for field in fields({})}
    assert paths == {hyperparameter.written_path for hyperparameter in HYPERPARAMETERS.values()} | {
        "device",
        "priority",
    }


def test_fields_show_titles_and_not_the_names_of_the_specification() -> None:
    texts = [
        text for field in fields({}) for text in (field.label, field.help, *field.choices.values())
    ]
    assert not [text for text in texts if "_" in text or "mlp" in text]


def test_values_are_shown_with_the_labels_of_the_form() -> None:
    assert value("random_features", "model.family") == "Random features"
    assert (
        value(["gl", "up"], "early_stopping.criterion") == "Generalisation loss, Successive rises"
    )
    assert value("gl", "variant") == "gl"


def test_a_badge_distinguishes_mild_overfitting() -> None:
    assert badge("overfitting", "mild") == "mild overfitting"
    assert badge("overfitting", "severe") == "severe overfitting"
    assert badge("good fit", None) == "good fit"


def test_a_field_starts_with_the_values_of_the_specification() -> None:
    document = {"model": {"width": [2, 8]}, "training": {"learning_rate": 0.001, "seeds": 3}}
    assert field("model.width", document).value == "2, 8"
    assert field("training.learning_rate", document).value == "0.001"
    assert field("training.seeds", document).value == "3"


def test_a_list_with_one_seed_is_not_shown_as_a_count() -> None:
    assert field("training.seeds", {"training": {"seeds": [287]}}).value == "287,"


def test_placeholders_are_the_defaults_of_the_chosen_sources() -> None:
    both = {"dataset": {"source": ["points", "moons"]}}
    assert field("dataset.n_train", both).placeholder == "5 or 200"


@pytest.mark.parametrize(
    ("value", "written"),
    [(None, "\N{EN DASH}"), (0.0, "0"), (1e-13, "0"), (0.5, "0.500"), (20.06, "20.1"),
     (-0.25, "-0.250"), (12345.6, "12,346"), (1e30, "1.0e+30")],
)  # fmt: skip
def test_losses_have_three_significant_digits(value: float | None, written: str) -> None:
    assert number(value) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0.2, "under 1 s"), (59.6, "60 s"), (600, "10 min"), (7200, "2.0 h"), (360_000, "4 days")],
)
def test_durations_use_the_largest_sensible_unit(seconds: float, written: str) -> None:
    assert duration(seconds) == written


@pytest.mark.parametrize(
    ("source", "values", "written"),
    [
        ("points", {"model__degree": 3}, "Degree 3"),
        ("moons", {"model__depth": 0}, "Single layer"),
        ("moons", {"model__depth": 1, "model__width": 1000}, "1 layer of 1,000 neurons"),
        ("moons", {"model__layers": "16-8-4"}, "Layers of 16, 8 and 4 neurons"),
        ("iris", {"model__family": "random_features", "model__width": 1}, "1 random feature"),
    ],
)
def test_a_model_is_described_by_its_capacity(
    source: str, values: dict[str, Any], written: str
) -> None:
    spec = run_spec(source, **values)
    assert spec.family.describe(spec.model) == written

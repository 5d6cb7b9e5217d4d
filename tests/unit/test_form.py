from typing import Any

import pytest

from backend.specification.hyperparameters import AXES
from frontend.form import FormField, form_fields
from frontend.formatting import badge, duration, model, number, value
from frontend.lesson import WHY
from tests.specs import run_spec


def field(path: str, document: dict[str, object] | None = None) -> FormField:
    fields = [one for section in form_fields(document or {}).values() for one in section]
    return next(one for one in fields if one.path == path)


def test_every_knob_has_a_field_with_help() -> None:
    fields = [one for section in form_fields({}).values() for one in section]
    paths = {one.path for one in fields}
    assert {path for path in AXES if path != "training.seed"} | {"training.seeds"} <= paths
    assert all(one.about for one in fields)


def test_of_every_field_it_is_said_why_it_matters() -> None:
    paths = {one.path for section in form_fields({}).values() for one in section}
    assert WHY.keys() == paths


def test_a_field_says_which_values_of_others_it_applies_with() -> None:
    assert field("model.degree").when == {"model.family": ["polynomial"]}
    assert field("model.width").when["model.depth"] == ["", *map(str, range(1, 9))]


def test_a_field_says_what_its_knob_is_where_it_does_not_apply() -> None:
    assert field("training.optimizer").idle == "closed_form"
    assert field("model.depth").idle == ""


def test_no_field_shows_the_names_of_the_specification() -> None:
    fields = [one for section in form_fields({}).values() for one in section]
    shown = [text for one in fields for text in (one.label, one.about, *one.choices.values())]
    assert not [text for text in shown if "_" in text or "mlp" in text]


def test_a_value_is_written_as_the_form_calls_it() -> None:
    assert value("random_features", "model.family") == "Random features"
    assert (
        value(["gl", "up"], "early_stopping.criterion") == "Generalisation loss, Successive rises"
    )
    assert value("gl", "variant") == "gl"


def test_a_badge_tells_mild_overfitting_from_severe() -> None:
    assert badge("overfitting", "overfitting.mild") == "mild overfitting"
    assert badge("overfitting", "overfitting.severe") == "overfitting"
    assert badge("good fit", None) == "good fit"


def test_a_field_starts_with_the_values_of_the_specification() -> None:
    document = {"model": {"width": [2, 8]}, "training": {"learning_rate": 0.001, "seeds": 3}}
    assert field("model.width", document).value == "2, 8"
    assert field("training.learning_rate", document).value == "0.001"
    assert field("training.seeds", document).value == "3"


def test_a_list_of_one_seed_is_not_taken_for_a_count() -> None:
    assert field("training.seeds", {"training": {"seeds": [287]}}).value == "287,"


def test_defaults_follow_the_family_of_models() -> None:
    defaults = field("training.learning_rate").defaults
    assert (defaults["points mlp"], defaults["points polynomial"]) == ("0.005", "0.1")


def test_defaults_follow_the_source() -> None:
    defaults = field("dataset.n_train").defaults
    assert (defaults["points"], defaults["moons"]) == ("5", "200")


@pytest.mark.parametrize(
    ("value", "written"),
    [(None, "\N{EN DASH}"), (0.0, "0"), (1e-13, "0"), (0.5, "0.500"), (20.06, "20.1"),
     (-0.25, "-0.250"), (12345.6, "12,346"), (1e30, "1.0e+30")],
)  # fmt: skip
def test_losses_are_written_with_three_digits(value: float | None, written: str) -> None:
    assert number(value) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0.2, "under 1 s"), (59.6, "60 s"), (600, "10 min"), (7200, "2.0 h"), (360_000, "4 days")],
)
def test_durations_are_written_in_their_largest_sensible_unit(seconds: float, written: str) -> None:
    assert duration(seconds) == written


@pytest.mark.parametrize(
    ("source", "knobs", "written"),
    [
        ("points", {"model__degree": 3}, "Degree 3"),
        ("moons", {"model__depth": 0}, "Single layer"),
        ("moons", {"model__depth": 1, "model__width": 1000}, "1 layer of 1,000 neurons"),
        ("moons", {"model__layers": "16-8-4"}, "Layers of 16, 8 and 4 neurons"),
        ("iris", {"model__family": "random_features", "model__width": 1}, "1 random feature"),
    ],
)
def test_a_model_is_named_by_its_capacity(source: str, knobs: dict[str, Any], written: str) -> None:
    assert model(run_spec(source, **knobs).params()) == written

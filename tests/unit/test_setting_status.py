"""The status of settings while a specification is being written."""

from typing import Any

import pytest

from backend.errors import FieldError
from backend.specification.setting_status import SettingStatus, setting_statuses


def status(path: str, errors: list[FieldError] | None = None, **sections: Any) -> SettingStatus:
    return setting_statuses(sections, errors or [])[path]


def test_a_setting_applies_if_it_has_an_effect_on_any_run() -> None:
    both = {"family": ["mlp", "polynomial"]}
    assert status("model.width", dataset={"source": "moons"}, model=both).applies
    assert not status("model.channels", dataset={"source": "moons"}, model=both).applies


def test_a_setting_without_effect_does_not_let_others_apply() -> None:
    model, training = {"family": "random_features"}, {"optimizer": "sgd"}
    data = {"source": "moons"}
    assert not status("training.momentum", dataset=data, model=model, training=training).applies


def test_defaults_are_those_of_all_chosen_sources_and_families() -> None:
    families = {"family": ["mlp", "polynomial"]}
    rate = status("training.learning_rate", dataset={"source": "points"}, model=families)
    samples = status("dataset.n_train", dataset={"source": ["iris", "moons"]})
    assert (rate.defaults, samples.defaults) == ([0.005, 0.1], [60, 200])


def test_settings_of_early_stopping_depend_on_the_criterion() -> None:
    strips = status("early_stopping.strips", early_stopping={"criterion": "up"})
    assert strips == SettingStatus(applies=True, defaults=[3], when="criterion up")
    assert not status("early_stopping.strips").applies


def test_the_condition_is_given_in_words() -> None:
    assert status("training.momentum").when == "optimizer sgd"
    assert status("dataset.n_train").when is None


def test_an_error_belongs_to_the_setting_that_it_names() -> None:
    errors = [FieldError("training.seeds[1]", "First."), FieldError("training.seeds", "Second.")]
    assert status("training.seeds", errors).error == "First."
    assert status("training.epochs", errors).error is None


@pytest.mark.parametrize(
    "document",
    [None, [], {"dataset": 3}, {"dataset": {"source": [{}, "mars", 1]}}, {"model": {"depth": [[]]}},
     {"early_stopping": {"criterion": ["gl", {}]}}],
)  # fmt: skip
def test_no_document_is_too_broken(document: object) -> None:
    assert setting_statuses(document)["dataset.source"].applies

"""Completeness of the registries: every entry has all that other modules must know about it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from backend.datasets.formulas import FORMULAS
from backend.diagnosis.stopping_rules import CRITERIA
from backend.specification import validate
from backend.specification.data_sources import GENERATED, SOURCES
from backend.specification.families import FAMILIES
from backend.specification.hyperparameters import HYPERPARAMETERS
from backend.specification.hyperparameters.declaration import TakesSettings
from backend.specification.losses import LOSSES
from backend.specification.optimizers import OPTIMIZERS, gradient_optimizers
from backend.specification.schedules import SCHEDULES
from backend.specification.stopping_criteria import STOPPING_CRITERIA
from backend.store import schema
from tests.unit.test_exactness import CASES, spec_of
from tests.unit.test_loading_code import MODELS
from worker.training.architectures import ARCHITECTURES
from worker.training.gradient_descent import SLOT_NAMES
from worker.training.losses import LOSS_FUNCTIONS
from worker.training.optimizers import UPDATE_RULES
from worker.training.raw_samples import READERS
from worker.training.schedules import SCHEDULE_FORMULAS

ROOT = Path(__file__).parents[2]
REGISTRIES = (OPTIMIZERS, FAMILIES, LOSSES, SCHEDULES, STOPPING_CRITERIA, SOURCES)
EXACT = [spec_of(case, epochs=1) for case in CASES.values()]
"""Runs that are compared with the oracle."""


@pytest.mark.parametrize("registry", REGISTRIES)
def test_entries_are_registered_under_their_names(registry: dict[str, object]) -> None:
    assert [getattr(entry, "name", None) for entry in registry.values()] == list(registry)


def test_every_optimizer_that_follows_gradients_has_an_update_rule() -> None:
    assert set(gradient_optimizers()) == UPDATE_RULES.keys()
    assert max(optimizer.slots for optimizer in OPTIMIZERS.values()) <= len(SLOT_NAMES)


def test_every_optimizer_has_the_defaults_of_its_kind() -> None:
    for name, optimizer in OPTIMIZERS.items():
        family = "mlp" if optimizer.by_gradients else "polynomial"
        document = {"dataset": {"source": "moons"}, "model": {"family": family}}
        [run] = validate({**document, "training": {"optimizer": name}}).runs
        assert (run.training.epochs > 1) == optimizer.by_gradients
        assert (run.training.loss == "cross_entropy") == optimizer.by_gradients


def test_every_schedule_has_a_formula() -> None:
    assert SCHEDULES.keys() == SCHEDULE_FORMULAS.keys()


def test_every_loss_has_a_function() -> None:
    assert LOSSES.keys() == LOSS_FUNCTIONS.keys()


def test_every_criterion_has_a_rule_that_takes_its_settings() -> None:
    assert STOPPING_CRITERIA.keys() == CRITERIA.keys()
    for name, criterion in STOPPING_CRITERIA.items():
        CRITERIA[name](**criterion.defaults)
        assert {f"early_stopping.{key}" for key in criterion.defaults} <= HYPERPARAMETERS.keys()


def test_every_family_has_an_architecture_that_trains_as_it_says() -> None:
    assert FAMILIES.keys() == ARCHITECTURES.keys()
    for name, family in FAMILIES.items():
        assert (ARCHITECTURES[name].by_gradients is not None) == family.by_gradients
        assert (ARCHITECTURES[name].closed_form is not None) == family.closed_form


def test_families_name_hyperparameters_that_exist() -> None:
    for family in FAMILIES.values():
        settings = {f"model.{name}" for name in family.settings}
        assert family.size_path in settings
        assert settings | set(family.saving) | set(family.defaults) <= HYPERPARAMETERS.keys()


def test_settings_of_entries_exist() -> None:
    registries: tuple[Mapping[str, TakesSettings], ...] = (OPTIMIZERS, LOSSES, SCHEDULES)
    entries = [entry for registry in registries for entry in registry.values()]
    settings = {f"training.{name}" for entry in entries for name in entry.settings}
    assert settings <= HYPERPARAMETERS.keys()


def test_every_family_has_a_test_of_its_loading_code() -> None:
    documents = ({"dataset": {"source": source}, "model": model} for source, model in MODELS)
    assert {validate(document).runs[0].model.family for document in documents} == FAMILIES.keys()


def test_every_source_is_generated_or_stored() -> None:
    assert FORMULAS.keys() == {name for name, source in SOURCES.items() if source.rows is None}
    assert READERS.keys() == {name for name, source in SOURCES.items() if source.rows is not None}


def test_stored_sources_name_their_makers() -> None:
    stored = [source for source in SOURCES.values() if source.rows]
    assert [source.name for source in stored if source.origin == GENERATED] == []


def test_every_source_has_a_picture() -> None:
    pictures = (ROOT / "frontend/templates/sources").glob("*.svg")
    assert {picture.stem for picture in pictures} == SOURCES.keys()


@pytest.mark.parametrize(
    ("document", "registry"),
    [
        ("data.md", SOURCES),
        ("models.md", FAMILIES),
        ("models.md", OPTIMIZERS),
        ("models.md", LOSSES),
        ("models.md", SCHEDULES),
        ("diagnosis.md", STOPPING_CRITERIA),
    ],
)
def test_every_entry_is_documented(document: str, registry: dict[str, object]) -> None:
    text = (ROOT / "docs" / document).read_text()
    assert [name for name in registry if f"`{name}`" not in text] == []


def test_every_gradient_optimizer_schedule_loss_and_family_is_compared_with_the_oracle() -> None:
    by_gradients = {name for name, family in FAMILIES.items() if family.by_gradients}
    assert {spec.training.optimizer for spec in EXACT} >= set(gradient_optimizers())
    assert {spec.training.schedule for spec in EXACT} >= SCHEDULES.keys()
    assert {spec.training.loss for spec in EXACT} >= LOSSES.keys()
    assert {spec.model.family for spec in EXACT} >= by_gradients


def test_migrations_form_one_chain() -> None:
    names = [path.name for path in (schema.MIGRATIONS / "versions").glob("0*.py")]
    assert sorted(name[:4] for name in names) == sorted(schema.known())
    assert schema.newest() == max(schema.known())

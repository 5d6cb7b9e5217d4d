"""Remedies that are proposed for a verdict; each can be trained."""

from typing import Any

import pytest

from backend.remedies.catalogue import NO_CONTEXT, REMEDIES, CellContext, applicable, propose
from backend.remedies.model_size import better_capacities
from backend.specification import RunSpec, validate
from backend.specification.data_sources import SOURCES
from backend.store.tables import Run
from frontend.pages.remedies import offer
from tests.specs import run_spec


def slugs(verdict: str, spec: RunSpec) -> list[str]:
    return [remedy.slug for remedy in propose(verdict, spec)]


def changes(slug: str, spec: RunSpec, context: CellContext = NO_CONTEXT) -> dict[str, Any] | None:
    changes_by_slug = {remedy.slug: dict(remedy.changes) for remedy in applicable(spec, context)}
    return changes_by_slug.get(slug)


def test_the_first_remedy_for_overfitting_is_more_data() -> None:
    offered = slugs("overfitting", run_spec("moons"))
    assert offered[:4] == ["more-data", "early-stopping", "weight-decay", "dropout"]
    assert offered[-1] == "less-capacity"


def test_remedies_for_underfitting_are_capacity_and_training_time() -> None:
    offered = slugs("underfitting", run_spec("moons", model__dropout=0.2))
    assert offered == ["more-capacity", "longer-training", "no-regularisation"]


def test_a_good_fit_has_no_remedies() -> None:
    assert slugs("good fit", run_spec()) == []


def test_more_data_is_limited_by_the_source() -> None:
    held_out = {"dataset__n_validation": 45, "dataset__n_test": 45}
    assert changes("more-data", run_spec("iris", dataset__n_train=40, **held_out)) == {
        "dataset.n_train": 60
    }
    assert changes("more-data", run_spec("iris", dataset__n_train=55, **held_out)) is None
    assert changes("more-data", run_spec("moons", dataset__n_train=200)) == {"dataset.n_train": 800}


def test_early_stopping_stops_and_shortens_patience_if_it_did_not_fire() -> None:
    spec = run_spec("moons", training__epochs=100)
    assert changes("early-stopping", spec, CellContext(stops_early=True)) == {
        "early_stopping.action": "stop"
    }
    shortened = changes("early-stopping", spec) or {}
    assert shortened["early_stopping.patience"] == 10


def test_weight_decay_uses_adamw_and_grows_from_the_current_value() -> None:
    adamw = {"training.optimizer": "adamw", "training.weight_decay": 2.0}
    assert changes("weight-decay", run_spec("moons")) == adamw
    decayed = run_spec("moons", training__optimizer="adamw", training__weight_decay=1.0)
    assert changes("weight-decay", decayed) == {**adamw, "training.weight_decay": 4.0}
    assert changes("weight-decay", run_spec("points")) == {"training.weight_decay": 0.01}


def test_capacity_is_halved_in_degree_and_quartered_in_width() -> None:
    assert changes("less-capacity", run_spec("points", model__degree=6)) == {"model.degree": 3}
    assert changes("less-capacity", run_spec("moons", model__width=32)) == {"model.width": 8}
    assert changes("less-capacity", run_spec("moons", model__width=2)) is None
    assert changes("more-capacity", run_spec("moons", model__depth=0)) == {"model.depth": 1}


def test_less_capacity_uses_the_best_measured_capacity_for_the_data() -> None:
    losses = {(20, 8): 0.4, (20, 32): 0.5, (20, 128): 0.6, (200, 8): 0.4, (200, 128): 0.1}
    specs = {
        (n, width): run_spec("moons", dataset__n_train=n, model__width=width) for n, width in losses
    }
    better = better_capacities((specs[place].params(), loss) for place, loss in losses.items())
    contexts = {
        place: CellContext(better_capacity=better(spec.params())) for place, spec in specs.items()
    }
    offered = {place: changes("less-capacity", specs[place], contexts[place]) for place in specs}
    assert offered[20, 128] == {"model.width": 8}
    assert offered[200, 128] == {"model.width": 32}  # no smaller width was better: a quarter


@pytest.mark.parametrize("source", SOURCES)
def test_every_remedy_can_be_trained(source: str) -> None:
    spec = run_spec(source)
    for remedy in applicable(spec):
        flat = {**spec.params(), **remedy.changes}
        assert RunSpec.from_params(flat) != spec, remedy.slug
        document: dict[str, Any] = {}
        for path, value in remedy.changes.items():
            section, name = path.split(".")
            document.setdefault(section, {})[name] = value
        variant = {"name": remedy.title, **document}
        assert validate({"dataset": {"source": source}, "variants": [variant]}).runs


def test_capacity_scales_each_of_the_layers() -> None:
    spec = run_spec("moons", model__layers="64-3-8")
    assert changes("less-capacity", spec) == {"model.layers": "16-2-2"}
    assert changes("more-capacity", spec) == {"model.layers": "256-12-32"}


def test_applicable_remedies_are_registered() -> None:
    offered = applicable(run_spec("digits", dataset__n_train=50, model__dropout=0.1))
    assert {remedy.slug for remedy in offered} <= REMEDIES.keys()


def test_a_follow_up_starts_from_the_baseline_or_the_requested_run() -> None:
    params = run_spec("moons").params()
    verdicts = {1: ("More data", "overfitting"), 2: ("baseline", "overfitting")}
    rows = [
        Run(id=run_id, experiment_id=9, variant=variant, verdict=verdict, params=params)
        for run_id, (variant, verdict) in verdicts.items()
    ]
    for cell_run_id, opened in ((None, 2), (1, 1)):
        follow_up = offer(rows, ["training.seed"], cell_run_id)
        assert follow_up is not None
        assert follow_up.run_id == opened

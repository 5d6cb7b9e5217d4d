"""Variants: combined with every axis, and checked by the same validation."""

from typing import Any

import pytest

from backend.errors import InvalidSpec
from backend.specification import validate
from backend.specification.variants import Variant

MOONS: dict[str, Any] = {"dataset": {"source": "moons"}, "training": {"seeds": 2}}


def spec(*variants: Any, **fields: Any) -> dict[str, Any]:
    return {**MOONS, **fields, "variants": list(variants)}


def test_each_variant_is_combined_with_every_axis_and_seed() -> None:
    specification = validate(
        spec(
            {"name": "plain"}, {"name": "drop", "model": {"dropout": 0.5}}, model={"width": [2, 8]}
        )
    )
    grid = [
        (label, run.model.width, run.model.dropout, run.training.seed)
        for label, run in zip(specification.labels, specification.runs, strict=True)
    ]
    assert len(grid) == 8
    assert grid[:3] == [("plain", 2, 0.0, 0), ("plain", 2, 0.0, 1), ("plain", 8, 0.0, 0)]
    assert grid[4] == ("drop", 2, 0.5, 0)


def test_a_variant_may_set_early_stopping() -> None:
    specification = validate(
        spec({"name": "plain"}, {"name": "stop", "early_stopping": {"action": "stop"}})
    )
    assert [run.early_stopping.action for run in specification.runs] == [
        "flag",
        "flag",
        "stop",
        "stop",
    ]


def test_without_variants_runs_have_no_label() -> None:
    assert validate(MOONS).labels == [None, None]


def test_variants_survive_a_round_trip() -> None:
    written = {
        "name": "a",
        "about": "Why.",
        "model": {"width": 2},
        "early_stopping": {"patience": 3},
    }
    changes = {"model.width": 2, "early_stopping.patience": 3}
    assert Variant("a", "Why.", changes).document() == written
    assert len(validate(spec(written)).runs) == 2


@pytest.mark.parametrize(
    ("variants", "field", "words"),
    [
        ([], "variants", "a list of 1 to 50"),
        ("drop", "variants", "a list of 1 to 50"),
        (["drop"], "variants[0]", "fields among name, about"),
        ([{"model": {"width": 2}}], "variants[0].name", "one line of 1 to 80"),
        ([{"name": "a"}, {"name": "a"}], "variants[1].name", "a second time"),
        ([{"name": "a", "modell": {}}], "variants[0].modell", "not a field"),
        ([{"name": "a", "training": {"seeds": 3}}], "variants[0].training.seeds", "not a field"),
        ([{"name": "a", "model": {"width": 0}}], "variants[0].model.width", "from 1 to 10,000"),
        ([{"name": "a", "model": {"width": [2, 3]}}], "variants[0].model.width", "a whole number"),
        ([{"name": "a", "model": {"degree": 2}}], "variants[0].model.degree", "polynomial only"),
    ],
)
def test_invalid_variants_are_refused(variants: Any, field: str, words: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        validate({**MOONS, "variants": variants})
    assert caught.value.field == field
    assert words in caught.value.detail


def test_variants_count_towards_the_limit_of_runs() -> None:
    with pytest.raises(InvalidSpec, match="makes 6 runs; accepted: at most 5"):
        validate(spec({"name": "a"}, {"name": "b"}, {"name": "c"}), max_runs=5)

"""Validation of specifications: expansion to runs, errors and their messages."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import InvalidSpec
from backend.specification import RunSpec, validate
from backend.specification.data_sources import SOURCES
from backend.specification.estimates import estimated_seconds, parameters
from backend.specification.hyperparameters import AXES
from backend.specification.notation import parse_features

MOONS: dict[str, Any] = {"source": "moons"}


def refusal(document: Any, **limits: int) -> tuple[str | None, str]:
    """Return the field and sentence of the first refused field."""
    with pytest.raises(InvalidSpec) as caught:
        validate(document, **limits)
    return caught.value.field, caught.value.detail


def test_lists_multiply_into_runs_with_seeds_innermost() -> None:
    spec = validate(
        {
            "dataset": {"source": "moons", "n_train": [20, 50]},
            "model": {"width": [2, 8]},
            "training": {"seeds": 3},
        }
    )
    first = [(r.dataset.n_train, r.model.width, r.training.seed) for r in spec.runs[:4]]
    assert len(spec.runs) == 12
    assert first == [(20, 2, 0), (20, 2, 1), (20, 2, 2), (20, 8, 0)]


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_alone_is_a_complete_specification(source: str) -> None:
    run = validate({"dataset": {"source": source}}).runs[0]
    assert run.dataset.source == source
    assert estimated_seconds([run]) > 0


def test_params_are_flat_and_restore_the_run() -> None:
    run = validate({"dataset": MOONS, "model": {"width": 7}}).runs[0]
    assert run.params()["model.width"] == 7
    assert RunSpec.from_params(run.params()) == run


def test_hyperparameters_without_effect_are_dropped_and_duplicates_merged() -> None:
    spec = validate({"dataset": MOONS, "model": {"depth": [0, 1], "width": [2, 8]}})
    shapes = [(run.model.depth, run.model.width) for run in spec.runs]
    assert shapes == [(0, None), (1, 2), (1, 8)]


def test_seeds_may_be_listed() -> None:
    spec = validate({"dataset": MOONS, "training": {"seeds": [7, 3]}})
    assert [run.training.seed for run in spec.runs] == [7, 3]


def test_a_name_is_made_from_the_varying_hyperparameters() -> None:
    spec = validate({"dataset": {"source": "moons", "n_train": [5, 9]}, "model": {"width": [2, 3]}})
    assert spec.name == "Two moons: n train against width"


@pytest.mark.parametrize(
    ("document", "field", "words"),
    [
        (None, None, "null"),
        ([], None, "accepted: fields among name, dataset"),
        ({}, "dataset.source", "missing; accepted: points, line"),
        ({"dataset": MOONS, "modle": {}}, "modle", "accepted: name, dataset, model"),
        ({"dataset": {**MOONS, "n": 1}}, "dataset.n", "accepted: source, n_train"),
        ({"dataset": 3}, "dataset", "dataset is 3"),
        ({"dataset": {"source": "mars"}}, "dataset.source", '"mars"; accepted: points, line'),
        ({"dataset": {**MOONS, "n_train": -3}}, "dataset.n_train", "-3; accepted: a whole number"),
        ({"dataset": {**MOONS, "n_train": 2.5}}, "dataset.n_train", "from 1 to 10,000,000"),
        ({"dataset": {**MOONS, "n_train": "20"}}, "dataset.n_train", '"20"'),
        ({"dataset": {**MOONS, "n_train": True}}, "dataset.n_train", "true"),
        ({"dataset": {**MOONS, "n_train": None}}, "dataset.n_train", "null"),
        ({"dataset": {**MOONS, "n_train": []}}, "dataset.n_train", "a list of 0"),
        ({"dataset": {**MOONS, "n_train": [5, 5]}}, "dataset.n_train[1]", "a second time"),
        ({"dataset": {**MOONS, "input_noise": float("nan")}}, "dataset.input_noise", "nan"),
        ({"dataset": {**MOONS, "input_noise": float("inf")}}, "dataset.input_noise", "inf"),
        ({"dataset": {"source": "iris", "n_train": 150}}, "dataset.n_train", "iris has 150 rows"),
        ({"dataset": {"source": "iris", "n_test": 149}}, "dataset.n_validation", "at most 149"),
        (
            {"dataset": {**MOONS, "target_noise": 1}},
            "dataset.target_noise",
            "for source points, line",
        ),
        ({"dataset": MOONS, "model": {"degree": 2}}, "model.degree", "for family polynomial only"),
        ({"dataset": MOONS, "model": {"dropout": 1}}, "model.dropout", "below 1"),
        ({"dataset": MOONS, "model": {"width": [8, [8]]}}, "model.width[1]", "[8]"),
        (
            {"dataset": MOONS, "model": {"width": 4096, "depth": 8}},
            "model.width",
            "at most 2,000,000",
        ),
        (
            {"dataset": {"source": "digits"}, "model": {"family": "polynomial", "degree": 3}},
            "model.degree",
            "64 inputs makes 47,905 terms; accepted: at most 3,000",
        ),
        (
            {
                "dataset": {**MOONS, "n_train": 20_000},
                "model": {"family": "random_features", "width": 10_000},
            },
            "model.width",
            "with dataset.n_train 20000 takes 7.5 GiB to solve in closed form; accepted: at most",
        ),
        (
            {"dataset": {"source": "iris"}, "model": {"family": "cnn"}},
            "model.family",
            "accepted with iris: mlp, polynomial, random_features",
        ),
        (
            {"dataset": {"source": "digits"}, "model": {"family": "cnn", "depth": 4}},
            "model.depth",
            "accepted with cnn on digits: 1 to 3",
        ),
        (
            {"dataset": {**MOONS, "n_features": [2, 1]}},
            "dataset.n_features",
            "is 1; accepted with moons: 2 or more",
        ),
        (
            {"dataset": MOONS, "training": {"optimizer": "closed_form"}},
            "training.optimizer",
            "accepted with mlp: sgd, adam, adamw",
        ),
        (
            {"dataset": {**MOONS, "n_train": 33}, "model": {"normalisation": "batch"}},
            "training.batch_size",
            "is 32, which leaves a batch of 1 from 33 samples",
        ),
        (
            {"dataset": {"source": "points"}, "training": {"loss": "cross_entropy"}},
            "training.loss",
            'accepted: "mse" here',
        ),
        ({"dataset": MOONS, "training": {"seeds": 0}}, "training.seeds", "a count from 1"),
        ({"dataset": MOONS, "training": {"seeds": [1, 1]}}, "training.seeds", "different"),
        ({"dataset": MOONS, "training": {"seed": 1}}, "training.seed", "accepted: epochs"),
        (
            {"dataset": MOONS, "early_stopping": {"patience": -1}},
            "early_stopping.patience",
            "from 0",
        ),
        ({"dataset": MOONS, "early_stopping": []}, "early_stopping", "accepted: fields among"),
        ({"dataset": MOONS, "name": "a\nb"}, "name", "one line"),
        ({"dataset": MOONS, "name": ""}, "name", "one line"),
    ],
)
def test_errors_name_the_field_the_value_and_the_accepted_values(
    document: Any, field: str | None, words: str
) -> None:
    refused, sentence = refusal(document)
    assert refused == field
    assert words in sentence
    assert sentence.endswith(".")


def test_a_deeply_nested_value_is_refused() -> None:
    nested: list[Any] = []
    for _ in range(5000):
        nested = [nested]
    assert refusal({"dataset": {"source": nested}})[1].endswith(
        AXES["dataset.source"].accepted + "."
    )


def test_all_invalid_fields_are_reported_together() -> None:
    with pytest.raises(InvalidSpec) as caught:
        validate({"dataset": {**MOONS, "n_train": 0}, "model": {"width": 0}})
    assert [error.field for error in caught.value.errors] == ["dataset.n_train", "model.width"]


def test_combinations_with_invalid_fields_are_not_checked() -> None:
    features, epochs = {"features": "x3"}, {"epochs": -5}
    with pytest.raises(InvalidSpec) as caught:
        validate({"dataset": MOONS, "model": features, "training": epochs})
    assert [error.field for error in caught.value.errors] == ["training.epochs", "model.features"]
    with pytest.raises(InvalidSpec) as caught:  # three inputs may be intended
        validate({"dataset": {**MOONS, "n_features": -3}, "model": features})
    assert [error.field for error in caught.value.errors] == ["dataset.n_features"]


def test_a_million_runs_are_refused_before_they_are_created() -> None:
    values = list(range(1, 1001))
    field, sentence = refusal({"dataset": {**MOONS, "n_train": values}, "model": {"width": values}})
    assert field == "dataset.n_train"
    assert "1,000,000 runs; accepted: at most 10,000 runs" in sentence


def test_parameters_of_known_models() -> None:
    polynomial = validate({"dataset": {"source": "points"}, "model": {"degree": [1, 6]}})
    mlp = validate({"dataset": {"source": "digits"}, "model": {"width": 10, "depth": 1}})
    assert [parameters(run) for run in polynomial.runs] == [2, 7]
    assert parameters(mlp.runs[0]) == 64 * 10 + 10 + 10 * 10 + 10


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
sections = st.fixed_dictionaries(
    {},
    optional={
        "name": anything,
        "dataset": anything | st.dictionaries(st.sampled_from(["source", "n_train"]), anything),
        "model": anything | st.dictionaries(st.sampled_from(["width", "family"]), anything),
        "training": anything | st.dictionaries(st.sampled_from(["seeds", "epochs"]), anything),
        "early_stopping": anything,
    },
)


@given(anything | sections)
def test_no_input_crashes_the_validation(document: Any) -> None:
    try:
        validate(document, max_runs=100)
    except InvalidSpec as error:
        assert all(field_error.detail for field_error in error.errors)


def test_a_criterion_has_its_own_hyperparameters_and_defaults() -> None:
    (run,) = validate({"dataset": MOONS, "early_stopping": {"criterion": "pq", "strip": 4}}).runs
    settings = {k: v for k, v in run.params().items() if k.startswith("early_stopping.")}
    assert settings == {
        "early_stopping.criterion": "pq",
        "early_stopping.alpha": 0.75,
        "early_stopping.strip": 4,
        "early_stopping.action": "flag",
    }
    assert validate({"dataset": MOONS}).runs[0].early_stopping.settings() == {
        "patience": 20, "min_delta": 0.0, "start_from_epoch": 0
    }  # fmt: skip


def test_a_hyperparameter_of_another_criterion_is_refused() -> None:
    field, sentence = refusal(
        {"dataset": MOONS, "early_stopping": {"criterion": "gl", "patience": 5}}
    )
    assert field == "early_stopping.patience"
    assert sentence.endswith("accepted: with criterion patience only.")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"device": "tpu"}, 'device is "tpu"; accepted: any, cpu, gpu.'),
        ({"priority": 1}, "priority is 1; accepted: low, normal, high."),
        ({"priority": ["low"]}, 'priority is ["low"]; accepted: low, normal, high.'),
    ],
)
def test_an_unknown_device_or_priority_is_refused(value: Any, sentence: str) -> None:
    assert refusal({"dataset": MOONS, **value}) == (next(iter(value)), sentence)


@pytest.mark.parametrize(
    ("most", "accepted"), [(4 * (2 * 37 + 16), True), (4 * (2 * 37 + 16) - 1, False)]
)
def test_the_text_of_all_runs_together_is_limited(most: int, accepted: bool) -> None:
    # 2 seeds and 2 sizes, of two variants with 37 and one with 16 characters: 4 (2 x 37 + 16)
    few = {"features": "x1^2 + x2 + x3^2"}
    document = {
        "dataset": {"source": "line", "n_features": 20, "n_train": [50, 60]},
        "model": {"family": "mlp", "features": " + ".join(f"x{i}" for i in range(1, 9))},
        "training": {"seeds": 2},
        "variants": [
            {"name": "a"},
            {"name": "b"},
            {"name": "c", "model": few},
        ],
    }
    if accepted:
        assert len(validate(document, max_text=most).runs) == 12
    else:
        with pytest.raises(InvalidSpec, match="characters in all runs together; accepted: at most"):
            validate(document, max_text=most)


def test_a_long_list_of_features_in_many_runs_is_refused_at_once() -> None:
    features = " + ".join(f"x{i}" for i in range(1, 1001))
    document = {
        "dataset": {"source": "line", "n_features": 1000, "n_train": list(range(1, 51))},
        "model": {"family": "mlp", "features": features, "depth": 1, "width": 1},
        "training": {"seeds": 200, "epochs": 1},
    }
    began = time.process_time()
    with pytest.raises(InvalidSpec, match=r"68,900,000 characters .* at most 1,000,000"):
        validate(document)
    assert time.process_time() - began < 1


def test_a_long_list_of_features_is_parsed_once_for_all_runs() -> None:
    features = " + ".join(f"x{i}" for i in range(1, 1001))
    document = {
        "dataset": {"source": "line", "n_features": 1000, "n_train": list(range(1, 101))},
        "model": {"family": "mlp", "features": features, "depth": 1, "width": 1},
    }
    parse_features.cache_clear()
    assert len(validate(document).runs) == 100
    assert parse_features.cache_info().misses <= 2  # as written, and in its canonical form

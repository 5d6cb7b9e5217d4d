"""The data of a run: parts, noise and scaling."""

from typing import Any

import numpy as np
import pytest

from backend.datasets.sampling import PARTS
from backend.specification import RunSpec
from backend.specification.data_sources import SOURCES
from tests.specs import run_spec
from worker.training.data import load, reference_loss
from worker.training.raw_samples import draw_part, rows_of_part, stored_targets

DRAWN = [name for name, source in SOURCES.items() if source.rows is None]
STORED = [name for name in SOURCES if name not in DRAWN]
CLASSES = [name for name, source in SOURCES.items() if source.problem == "classification"]


def small(source: str, **hyperparameters: Any) -> RunSpec:
    sizes = {"dataset__n_train": 30, "dataset__n_validation": 20, "dataset__n_test": 20}
    return run_spec(source, **{**sizes, **hyperparameters})


@pytest.mark.parametrize("source", SOURCES)
def test_data_match_their_declaration(source: str) -> None:
    known, data = SOURCES[source], load(small(source, dataset__n_train=99, dataset__n_test=29))
    for part, size in zip(data.parts, (99, 20, 29), strict=True):
        assert part.x.shape == (size, known.features)
        assert np.isfinite(part.x).all()
    y = np.concatenate([part.y for part in data.parts])
    if known.problem == "classification":
        assert set(y) == set(range(known.outputs))
    else:
        assert y.shape == (148, known.outputs)


@pytest.mark.parametrize("source", SOURCES)
def test_the_same_seed_draws_the_same_data(source: str) -> None:
    first, second = (draw_part(small(source).dataset, 7, "train") for _ in range(2))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


@pytest.mark.parametrize("source", SOURCES)
def test_another_seed_changes_all_parts_except_test(source: str) -> None:
    first, second = load(small(source)), load(small(source, training__seeds=[1]))
    same = [np.array_equal(a.x, b.x) for a, b in zip(first.parts, second.parts, strict=True)]
    assert same == [False, False, True]


@pytest.mark.parametrize("source", DRAWN)
def test_no_generated_sample_is_in_two_parts(source: str) -> None:
    parts = [load(run_spec(source, training__seeds=[seed])).parts for seed in (0, 1)]
    samples, other_samples = (
        np.concatenate([part.x for part in seed_parts]) for seed_parts in parts
    )
    assert len(np.unique(samples, axis=0)) == len(samples)
    n_test = len(parts[1][2].x)
    assert (
        not (np.unique(other_samples[:-n_test], axis=0)[:, None] == parts[0][2].x).all(axis=2).any()
    )


@pytest.mark.parametrize("source", STORED)
@pytest.mark.parametrize("seed", [0, 1])
def test_no_stored_row_is_in_two_parts(source: str, seed: int) -> None:
    dataset = run_spec(source).dataset
    of_test = rows_of_part(dataset, 1 - seed, "test")  # of another seed: all seeds share it
    taken = np.concatenate(
        [rows_of_part(dataset, seed, "train"), rows_of_part(dataset, seed, "validation")]
    )
    together = np.concatenate([taken, of_test])
    assert len(np.unique(together)) == len(together)


@pytest.mark.parametrize("source", STORED)
def test_every_part_is_stratified_by_class(source: str) -> None:
    y, dataset = stored_targets(source), small(source).dataset
    if SOURCES[source].problem == "regression":
        y = (y > np.median(y)).astype(int)
    shares = np.bincount(y) / len(y)
    for part in PARTS:
        counts = np.bincount(y[rows_of_part(dataset, 3, part)], minlength=len(shares))
        assert np.abs(counts - shares * counts.sum()).max() < 2


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("label_noise", [0, 0.3])
def test_a_smaller_training_set_is_a_prefix_of_a_larger_set(
    source: str, label_noise: float
) -> None:
    noise = {"dataset__input_noise": 0.1}
    noise |= {"dataset__label_noise" if source in CLASSES else "dataset__target_noise": label_noise}
    few, more = (load(small(source, dataset__n_train=n, **noise)) for n in (7, 30))
    assert np.array_equal(few.train.x, more.train.x[:7])
    assert np.array_equal(few.train.y, more.train.y[:7])
    assert np.array_equal(few.mislabelled, more.mislabelled[:7])


@pytest.mark.parametrize("source", SOURCES)
def test_validation_and_test_do_not_depend_on_the_training_size(source: str) -> None:
    few, more = (load(small(source, dataset__n_train=n)) for n in (7, 30))
    assert few.validation is more.validation
    assert few.test is more.test


@pytest.mark.parametrize("source", CLASSES)
def test_label_noise_changes_training_labels_only(source: str) -> None:
    clean, noisy = (load(small(source, dataset__label_noise=share)) for share in (0, 0.2))
    changed = clean.train.y != noisy.train.y
    assert np.array_equal(changed, noisy.mislabelled)
    assert abs(changed.sum() - 6) <= 1
    assert noisy.validation is clean.validation
    assert noisy.test is clean.test


def test_label_noise_of_1_changes_every_label() -> None:
    clean, noisy = (load(run_spec("digits", dataset__label_noise=share)) for share in (0, 1))
    assert not (clean.train.y == noisy.train.y).any()
    assert set(noisy.train.y) == set(range(10))


def test_label_noise_does_not_change_the_inputs() -> None:
    clean, noisy = (load(run_spec(dataset__label_noise=share)) for share in (0, 0.25))
    assert np.array_equal(clean.train.x, noisy.train.x)


def test_input_noise_changes_the_inputs_of_every_part() -> None:
    clean, noisy = (load(run_spec(dataset__input_noise=noise)) for noise in (0.0, 0.5))
    for part, noisy_part in zip(clean.parts, noisy.parts, strict=True):
        assert abs((noisy_part.x - part.x).std() - 0.5) < 0.06
        assert np.array_equal(part.y, noisy_part.y)


def test_target_noise_changes_only_the_targets() -> None:
    clean, noisy = (load(run_spec("points", dataset__target_noise=t)) for t in (0, 2))
    assert np.allclose(clean.test.y, 3 * clean.test.x)
    assert np.array_equal(clean.test.x, noisy.test.x)
    assert abs((noisy.test.y - clean.test.y).std() - 2) < 0.2


def test_the_scaling_is_fitted_on_the_training_part() -> None:
    data = load(run_spec("iris"))
    scaled = data.scaling(data.train.x)
    assert np.allclose(scaled.mean(axis=0), 0)
    assert np.allclose(scaled.std(axis=0), 1)


def test_a_constant_feature_is_centred_and_not_scaled() -> None:
    data = load(run_spec("digits", dataset__n_train=1))
    assert np.isfinite(data.scaling(data.validation.x)).all()


def test_the_reference_loss_of_balanced_classes_is_their_entropy() -> None:
    spec = run_spec("iris")
    assert reference_loss(spec, load(spec)) == pytest.approx(np.log(3))


def test_the_reference_loss_is_finite_if_a_class_is_missing() -> None:
    spec = run_spec("digits", dataset__n_train=3)
    assert np.isfinite(reference_loss(spec, load(spec)))


def test_the_reference_loss_of_squared_error_is_the_variance_of_one_hot_labels() -> None:
    spec = run_spec("moons")
    spec = spec.model_copy(update={"training": spec.training.model_copy(update={"loss": "mse"})})
    assert reference_loss(spec, load(spec)) == pytest.approx(0.25)


def test_runs_share_the_read_only_arrays_of_equal_parts() -> None:
    first, second = (load(run_spec("iris", model__width=width)) for width in (3, 4))
    assert first.train.x is second.train.x
    with pytest.raises(ValueError, match="read-only"):
        first.train.x[0, 0] = 1


def test_additional_inputs_are_uncorrelated_noise() -> None:
    wide = load(run_spec("moons", dataset__n_features=20))
    extra = wide.test.x[:, 2:]
    assert np.abs(extra.mean(axis=0)).max() < 0.1
    correlated = np.corrcoef(np.column_stack([extra, wide.test.y]).T)[-1, :-1]
    assert np.abs(correlated).max() < 0.1


def test_every_input_of_a_line_has_the_same_weight() -> None:
    data = load(run_spec("line", dataset__n_features=50, dataset__target_noise=0))
    weights = np.linalg.lstsq(data.test.x, data.test.y, rcond=None)[0]
    assert np.allclose(weights, 1 / np.sqrt(50))


@pytest.mark.parametrize("source", ["mnist5k", "mnist1d"])
def test_pixels_and_signals_share_one_scale(source: str) -> None:
    data = load(small(source))
    scaled = data.scaling(data.train.x)
    assert (scaled.mean(), scaled.std()) == pytest.approx((0, 1))
    assert len(np.unique(data.scaling.scale)) == 1


def test_one_hot_inputs_are_not_scaled() -> None:
    data = load(small("modular_addition"))
    assert np.array_equal(data.scaling(data.test.x), data.test.x)


def test_mnist1d_does_not_change_the_global_generator_of_numpy() -> None:
    np.random.seed(5)
    expected = np.random.normal(size=3)
    np.random.seed(5)
    draw_part(small("mnist1d", dataset__n_train=31).dataset, 11, "train")
    assert np.array_equal(np.random.normal(size=3), expected)

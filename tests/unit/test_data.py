"""The data of a run: its parts, its noise and its scaling."""

import numpy as np
import pytest

from tests.specs import run_spec
from worker.training.data import load, reference_loss
from worker.training.sources import spread, stratified_order

SOURCES = ["points", "moons", "iris", "digits"]


@pytest.mark.parametrize("source", SOURCES)
def test_the_same_seed_draws_the_same_data(source: str) -> None:
    one, two = load(run_spec(source)), load(run_spec(source))
    for part, again in zip(one.parts, two.parts, strict=True):
        assert np.array_equal(part.x, again.x)
        assert np.array_equal(part.y, again.y)


@pytest.mark.parametrize("source", SOURCES)
def test_another_seed_draws_other_data(source: str) -> None:
    one, two = load(run_spec(source)), load(run_spec(source, training__seeds=[1]))
    for part, other in zip(one.parts, two.parts, strict=True):
        assert not np.array_equal(part.x, other.x)


@pytest.mark.parametrize("source", ["points", "moons", "digits"])
def test_no_row_is_in_two_parts(source: str) -> None:
    rows = np.concatenate([part.x for part in load(run_spec(source)).parts])
    assert len(np.unique(rows, axis=0)) == len(rows)


def test_a_stratified_order_holds_every_row_once() -> None:
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    order = stratified_order(labels, np.random.default_rng(0))
    assert sorted(order) == list(range(100))


def test_every_stretch_of_a_stratified_order_holds_the_classes_in_their_shares() -> None:
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    ordered = labels[stratified_order(labels, np.random.default_rng(0))]
    for start in (0, 13, 60):
        counts = np.bincount(ordered[start : start + 20], minlength=3)
        assert np.abs(counts - [10, 6, 4]).max() <= 1


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("label_noise", [0, 0.3])
def test_a_smaller_training_set_is_the_beginning_of_a_larger_one(
    source: str, label_noise: float
) -> None:
    noise = {"dataset__label_noise": label_noise} if source != "points" else {}
    small, large = (
        load(run_spec(source, dataset__n_train=n, dataset__input_noise=0.1, **noise))
        for n in (7, 30)
    )
    assert np.array_equal(small.train.x, large.train.x[:7])
    assert np.array_equal(small.train.y, large.train.y[:7])


@pytest.mark.parametrize("source", SOURCES)
def test_validation_and_test_do_not_depend_on_the_training_size(source: str) -> None:
    small, large = (load(run_spec(source, dataset__n_train=n)) for n in (7, 30))
    for part, same in zip(small.parts[1:], large.parts[1:], strict=True):
        assert np.array_equal(part.x, same.x)
        assert np.array_equal(part.y, same.y)


def test_label_noise_changes_training_labels_only() -> None:
    clean, noisy = (load(run_spec(dataset__label_noise=share)) for share in (0, 0.25))
    changed = clean.train.y != noisy.train.y
    assert np.array_equal(changed, noisy.mislabelled)
    assert abs(changed.mean() - 0.25) <= 0.01
    for part, same in zip(clean.parts[1:], noisy.parts[1:], strict=True):
        assert np.array_equal(part.y, same.y)


def test_label_noise_of_1_leaves_no_label_right() -> None:
    clean, noisy = (load(run_spec("digits", dataset__label_noise=share)) for share in (0, 1))
    assert not (clean.train.y == noisy.train.y).any()
    assert set(noisy.train.y) == set(range(10))


def test_label_noise_does_not_move_the_inputs() -> None:
    clean, noisy = (load(run_spec(dataset__label_noise=share)) for share in (0, 0.25))
    assert np.array_equal(clean.train.x, noisy.train.x)


def test_input_noise_reaches_every_part_and_no_target() -> None:
    clean, noisy = (load(run_spec(dataset__input_noise=noise)) for noise in (0.0, 0.5))
    for part, other in zip(clean.parts, noisy.parts, strict=True):
        assert abs((other.x - part.x).std() - 0.5) < 0.06
        assert np.array_equal(part.y, other.y)


def test_target_noise_moves_the_targets_only() -> None:
    clean, noisy = (load(run_spec("points", dataset__target_noise=t)) for t in (0, 2))
    assert np.allclose(clean.test.y, 3 * clean.test.x)
    assert np.array_equal(clean.test.x, noisy.test.x)
    assert abs((noisy.test.y - clean.test.y).std() - 2) < 0.2


def test_the_scaling_is_fitted_on_the_training_part() -> None:
    data = load(run_spec("iris"))
    scaled = data.scaling(data.train.x)
    assert np.allclose(scaled.mean(axis=0), 0)
    assert np.allclose(scaled.std(axis=0), 1)


def test_a_feature_that_never_varies_is_only_centred() -> None:
    data = load(run_spec("digits", dataset__n_train=1))
    assert np.isfinite(data.scaling(data.validation.x)).all()


def test_the_reference_loss_of_balanced_classes_is_their_entropy() -> None:
    spec = run_spec("iris")
    assert reference_loss(spec, load(spec)) == pytest.approx(np.log(3))


def test_the_reference_loss_is_finite_when_a_class_is_not_in_the_training_set() -> None:
    spec = run_spec("digits", dataset__n_train=3)
    assert np.isfinite(reference_loss(spec, load(spec)))


def test_spread_numbers_cover_the_interval_at_every_length() -> None:
    numbers = np.sort(spread(np.random.default_rng(0), 21))
    assert np.diff(numbers).max() < 2 / 21

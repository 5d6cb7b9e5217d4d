import pytest

from backend.analysis.learning_curves import learning_curves
from backend.analysis.measured_cells import cells
from tests.grids import jitter, results

SIZES = [25, 50, 100, 200, 400, 800]


def power(n: float) -> float:
    return float(2 * n**-0.5 + 0.2)


def test_other_hyperparameters_get_their_own_curve_best_first() -> None:
    runs = results(
        lambda p, seed: power(p["dataset.n_train"]) * p["model.width"] * jitter(seed),
        dataset__n_train=SIZES, model__width=[2, 1],
    )  # fmt: skip
    curves = learning_curves(cells(runs))
    assert [curve.setting for curve in curves] == [{"model.width": 1}, {"model.width": 2}]
    assert [point.n_train for point in curves[0].points] == SIZES


def test_mean_and_interval_come_from_the_seeds() -> None:
    [curve] = learning_curves(cells(results(
        lambda p, seed: power(p["dataset.n_train"]) + 0.01 * (seed - 1), dataset__n_train=SIZES
    )))  # fmt: skip
    point = curve.points[0]
    assert point.validation.mean == pytest.approx(power(25))
    assert point.validation.high == pytest.approx(power(25) + 4.303 * 0.01 / 3**0.5, rel=1e-3)
    assert point.test is not None and point.test.mean == pytest.approx(1.05 * power(25))


def test_the_law_predicts_the_samples_needed_for_a_loss() -> None:
    runs = results(lambda p, s: power(p["dataset.n_train"]) * jitter(s), dataset__n_train=SIZES)
    [curve] = learning_curves(cells(runs), target=power(3200))
    law = curve.law
    assert law is not None and law.doubt is None and law.target_samples is not None
    assert law.target_samples.value == pytest.approx(3200, rel=0.1)
    assert law.forecasts[0].law.value == pytest.approx(power(1600), rel=0.02)
    assert law.forecasts[0].constant == pytest.approx(power(800), rel=0.02)
    assert "samples for a loss of" in curve.sentence


def test_the_largest_size_is_predicted_from_the_others() -> None:
    [curve] = learning_curves(
        cells(results(lambda p, _: power(p["dataset.n_train"]), dataset__n_train=SIZES))
    )
    assert curve.law is not None and curve.law.back_test is not None
    test = curve.law.back_test
    assert (test.n_train, test.law_error < 0.01) == (800, True)
    assert test.constant_error == pytest.approx(power(400) / power(800) - 1)


def test_the_law_is_fitted_beyond_a_peak() -> None:
    losses = dict(zip([*SIZES, 1600], [1.0, 5.0, 1.5, 1.1, 0.9, 0.8, 0.75], strict=True))
    [curve] = learning_curves(cells(results(
        lambda p, s: losses[p["dataset.n_train"]] * jitter(s), dataset__n_train=list(losses)
    )))  # fmt: skip
    assert (curve.peak_at, curve.peak_resolved) == (50, True)
    assert curve.law is not None and curve.law.fitted_from == 50
    assert "ill-behaved" in curve.sentence


def test_one_seed_cannot_resolve_a_peak() -> None:
    losses = dict(zip(SIZES, [1.0, 5.0, 1.5, 1.1, 0.9, 0.8], strict=True))
    [curve] = learning_curves(cells(results(
        lambda p, _: losses[p["dataset.n_train"]], seeds=1, dataset__n_train=SIZES
    )))  # fmt: skip
    assert (curve.peak_at, curve.peak_resolved) == (50, False)
    assert "one seed cannot rule out chance" in curve.sentence


def test_no_sample_size_is_predicted_without_a_resolved_fall() -> None:
    luck = [1.3, 0.8, 1.0]
    runs = results(
        lambda p, s: (1 - 1e-5 * p["dataset.n_train"]) * luck[(s + p["dataset.n_train"] // 25) % 3],
        dataset__n_train=SIZES,
    )
    [curve] = learning_curves(cells(runs))
    assert curve.law is not None and curve.law.target_samples is None
    assert "Do not rely on the law" in curve.sentence
    assert "samples for a loss of" not in curve.sentence


def test_no_sample_size_is_predicted_if_the_last_value_predicts_better() -> None:
    losses = dict(zip(SIZES, [1.0, 0.99, 0.98, 0.97, 0.5, 0.499], strict=True))
    runs = results(lambda p, s: losses[p["dataset.n_train"]] * jitter(s), dataset__n_train=SIZES)
    [curve] = learning_curves(cells(runs))
    assert curve.law is not None and curve.law.doubt is not None
    assert "the last value" in curve.law.doubt


def test_a_step_does_not_fit_a_power_law() -> None:
    losses = dict(zip(SIZES, [9.0, 0.4, 0.3, 0.3, 0.3, 0.3], strict=True))
    runs = results(lambda p, s: losses[p["dataset.n_train"]] * jitter(s), dataset__n_train=SIZES)
    [curve] = learning_curves(cells(runs))
    assert (curve.law, curve.why) == (
        None, "Loss falls faster than a power law here, so none is fitted."
    )  # fmt: skip


def test_three_sizes_are_too_few_for_a_law() -> None:
    [curve] = learning_curves(
        cells(results(lambda p, _: power(p["dataset.n_train"]), dataset__n_train=SIZES[:3]))
    )
    assert curve.law is None
    assert curve.why == "3 sizes are too few for a fitted law; 4 are needed."


def test_one_size_makes_no_curve() -> None:
    assert learning_curves(cells(results(lambda _, __: 1.0, model__width=[1, 2]))) == []

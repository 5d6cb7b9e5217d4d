from collections.abc import Sequence

import pytest

from backend.analysis.cause import cause
from backend.analysis.effects import StepEffect
from backend.analysis.learning_curves import learning_curves
from backend.analysis.measured_cells import RunResult, cells
from tests.grids import jitter, result, results


def effect(runs: Sequence[RunResult], factor: str) -> StepEffect:
    report = cause(cells(runs))
    assert report is not None
    return next(candidate for candidate in report.effects if candidate.factor == factor)


def test_data_limit_if_the_last_step_still_lowered_the_loss() -> None:
    runs = results(
        lambda p, s: 10 / p["dataset.n_train"] * jitter(s, p["dataset.n_train"]),
        dataset__n_train=[100, 200, 400],
    )  # fmt: skip
    report = cause(cells(runs))
    assert report is not None and report.limiting == "data"
    data = effect(runs, "data")
    assert (data.finding, data.before, data.after) == ("limits", 200, 400)
    assert data.change is not None and data.change.high is not None and data.change.high < -0.4
    assert "Data limits it most" in report.sentence


def test_data_do_not_limit_if_the_last_step_changed_nothing() -> None:
    runs = results(
        lambda p, s: 1.0 + s - 1e-4 * p["dataset.n_train"], dataset__n_train=[10, 20, 40]
    )
    assert effect(runs, "data").finding == "does not limit"


def test_differences_within_the_scatter_over_seeds_are_not_resolved() -> None:
    losses = {(100, 0): 1.0, (100, 1): 1.3, (100, 2): 0.9,
              (200, 0): 1.1, (200, 1): 0.8, (200, 2): 1.0}  # fmt: skip
    runs = results(lambda p, s: losses[p["dataset.n_train"], s], dataset__n_train=[100, 200])
    assert effect(runs, "data").finding == "not resolved"


def test_a_fall_is_not_ruled_out_if_its_interval_includes_a_large_one() -> None:
    losses = {(100, 0): 1.0, (100, 1): 1.0, (100, 2): 1.0,
              (200, 0): 0.98, (200, 1): 0.99, (200, 2): 0.965}  # fmt: skip
    runs = results(lambda p, s: losses[p["dataset.n_train"], s], dataset__n_train=[100, 200])
    estimate = effect(runs, "data")
    assert estimate.change is not None and estimate.change.low is not None
    assert estimate.change.low < -0.03 < estimate.change.mean
    assert estimate.finding == "not resolved"


def test_a_repeated_run_counts_as_one_seed() -> None:
    runs = results(lambda _, s: 1.0 + s, dataset__n_train=[100])
    [cell] = cells([*runs, *runs])
    assert [run.seed for run in cell.runs] == [0, 1, 2]


def test_one_seed_resolves_nothing() -> None:
    runs = results(lambda p, _: 10 / p["dataset.n_train"], seeds=1, dataset__n_train=[100, 200])
    estimate = effect(runs, "data")
    assert estimate.finding == "not resolved"
    assert "one seed: no interval" in estimate.sentence


def test_capacity_beyond_the_optimum_does_not_limit() -> None:
    runs = results(
        lambda p, s: (1 + abs(p["model.width"] - 4)) * jitter(s), model__width=[1, 2, 4, 8]
    )
    estimate = effect(runs, "capacity")
    assert (estimate.finding, estimate.before, estimate.after) == ("does not limit", 4, 8)


def test_training_limits_if_the_second_half_still_lowered_the_loss() -> None:
    runs = [
        result({"dataset.n_train": 100, "training.seed": seed}, validation=0.5 * jitter(seed),
               reached={50: 1.0, 100: 0.5 * jitter(seed)})
        for seed in range(3)
    ]  # fmt: skip
    assert effect(runs, "training length").finding == "limits"


def test_cost_of_noise_compares_the_noisiest_with_the_cleanest_cell() -> None:
    runs = results(
        lambda p, s: (1 + p["dataset.label_noise"]) * jitter(s), dataset__label_noise=[0, 0.1, 0.4]
    )
    estimate = effect(runs, "noise")
    assert (estimate.finding, estimate.before, estimate.after) == ("limits", 0, 0.4)
    assert "Noise costs" in estimate.sentence


def test_useless_longer_training_reports_the_best_epoch() -> None:
    runs = results(lambda _, s: 0.5 * jitter(s), model__width=[4])
    assert effect(runs, "training length").sentence == (
        "Longer training brings little or nothing: the lowest validation loss came within 50 of "
        "100 epochs, on all 3 seeds."
    )


def test_a_negligible_change_is_described_as_such() -> None:
    runs = results(
        lambda p, s: (1 + 1e-5 * p["dataset.n_train"]) * (1 + s), dataset__n_train=[100, 200]
    )
    assert "moves validation loss by less than 0.5% either way" in effect(runs, "data").sentence


@pytest.mark.parametrize(("noise", "finding"), [(0.3, "limits"), (0.1, "does not limit")])
def test_known_noise_is_a_floor(noise: float, finding: str) -> None:
    runs = results(lambda _, s: 0.1 * jitter(s), dataset__target_noise=[noise])
    estimate = effect(runs, "noise")
    assert estimate.finding == finding
    assert f"a loss of {noise**2:.4f}" in estimate.sentence


def test_a_loss_that_no_step_lowers_is_a_floor() -> None:
    runs = results(
        lambda _, s: 1.0 + s, dataset__n_train=[50, 100], model__width=[2, 4]
    )  # fmt: skip
    report = cause(cells(runs))
    assert report is not None and report.limiting == "noise"
    assert "a floor no cell gets under" in report.sentence


def test_an_unresolved_floor_of_the_learning_curve_is_reported() -> None:
    runs = results(
        lambda p, s: (2 * p["dataset.n_train"] ** -0.5 + 0.2) * jitter(s, p["dataset.n_train"]),
        dataset__n_train=[25, 50, 100, 200, 400, 800],
    )  # fmt: skip
    report = cause(cells(runs), learning_curves(cells(runs)))
    assert report is not None and report.limiting == "data"
    [noise] = [candidate for candidate in report.effects if candidate.factor == "noise"]
    assert noise.finding == "not resolved" and "levels off at 0.2" in noise.sentence


def test_missing_regularisation_limits_if_it_helps() -> None:
    runs = results(lambda p, s: (1 - p["model.dropout"]) * jitter(s), model__dropout=[0, 0.5])
    assert effect(runs, "regularisation").finding == "limits"


def test_an_axis_with_one_value_is_not_assessable() -> None:
    runs = results(lambda _, s: jitter(s), model__width=[4])
    report = cause(cells(runs))
    assert report is not None and report.limiting is None
    factors = {
        candidate.factor for candidate in report.effects if candidate.finding == "not assessable"
    }
    assert factors == {"data", "capacity", "regularisation", "noise"}


def test_without_results_there_is_no_cause() -> None:
    assert cause([]) is None

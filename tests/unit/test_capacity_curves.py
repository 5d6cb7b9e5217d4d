from collections.abc import Mapping, Sequence

import pytest

from backend.analysis.capacity_curves import CapacityCurve, capacity_curves, optimum_curves
from backend.analysis.measured_cells import cells
from tests.grids import jitter, result, results

WIDTHS = [1, 2, 4, 8, 16, 32]


def curve(
    final: Sequence[float],
    *,
    best: Sequence[float] | None = None,
    train_errors: Mapping[int, float] | None = None,
    seeds: int = 3,
) -> CapacityCurve:
    """Return the capacity curve with these final (and lowest) validation losses over WIDTHS."""
    runs = [
        result(
            {"dataset.n_train": 100, "model.width": width, "training.seed": seed},
            validation=(best or final)[i] * jitter(seed, i),
            final=final[i] * jitter(seed, i),
            train_error=(train_errors or {}).get(width, 0.2),
        )
        for i, width in enumerate(WIDTHS)
        for seed in range(seeds)
    ]
    [capacity_curve] = capacity_curves(cells(runs))
    return capacity_curve


def test_the_optimum_is_chosen_by_validation_loss() -> None:
    optimum = curve([3.0, 2.0, 1.0, 2.0, 3.0, 4.0]).optimum
    assert (optimum.value, optimum.parameters, optimum.tied) == (4, 40, [])
    assert optimum.test is not None
    assert optimum.test.mean == pytest.approx(1.05 * optimum.validation.mean)


def test_capacities_within_the_scatter_of_seeds_are_tied() -> None:
    assert curve([3.0, 1.005, 1.0, 2.0, 3.0, 4.0]).optimum.tied == [2]
    assert curve([3.0, 1.5, 1.0, 2.0, 3.0, 4.0], seeds=1).optimum.tied == [1, 2, 8, 16, 32]


def test_an_optimum_at_the_edge_is_reported() -> None:
    capacity_curve = curve([6.0, 5.0, 4.0, 3.0, 2.0, 1.0])
    assert capacity_curve.optimum.at_edge
    assert "the largest measured: the optimum may lie beyond" in capacity_curve.sentence


def test_a_tie_with_the_largest_capacity_leaves_the_optimum_open() -> None:
    capacity_curve = curve([6.0, 5.0, 4.0, 3.0, 1.0, 1.005])
    assert not capacity_curve.optimum.at_edge and capacity_curve.optimum.open_ended
    assert (
        "do not distinguish it from width 32: the optimum may lie beyond" in capacity_curve.sentence
    )


def test_seeds_that_did_not_learn_are_reported_and_not_read_as_bias() -> None:
    runs = [
        result({"dataset.n_train": 100, "model.width": width, "training.seed": seed},
               validation=0.5 / width * jitter(seed),
               train=1.0 if width == 1 and seed else 0.1 / width * jitter(seed))
        for width in (1, 2, 4) for seed in range(3)
    ]  # fmt: skip
    [capacity_curve] = capacity_curves(cells(runs))
    assert [point.untrained for point in capacity_curve.points] == [2, 0, 0]
    assert "2 of the 3 seeds of width 1 learnt little more than" in capacity_curve.sentence
    assert "bias" not in capacity_curve.sentence


def test_a_model_at_its_capacity_limit_does_not_count_as_untrained() -> None:
    runs = [
        result({"dataset.n_train": 100, "model.width": width, "training.seed": seed},
               validation=1 / width, train=(0.94 + 0.02 * seed) / width)
        for width in (1, 4) for seed in range(3)
    ]  # fmt: skip
    [capacity_curve] = capacity_curves(cells(runs))
    assert [point.untrained for point in capacity_curve.points] == [0, 0]
    assert "(bias)" in capacity_curve.sentence


def test_seeds_that_fall_into_two_groups_are_reported() -> None:
    ends = {(2, 0): 0.2, (2, 1): 0.21, (2, 2): 0.9, (2, 3): 0.92}
    runs = results(
        lambda p, s: ends.get((p["model.width"], s), 0.5 * jitter(s)),
        seeds=4, model__width=[1, 2, 4],
    )  # fmt: skip
    [capacity_curve] = capacity_curves(cells(runs))
    assert capacity_curve.points[1].parted == pytest.approx((0.205, 0.91), rel=0.01)
    assert (
        "The seeds of width 2 fall into two groups, at about 0.205 and 0.910"
        in capacity_curve.sentence
    )
    assert capacity_curve.points[0].parted is None


def test_a_smaller_model_is_biased_if_it_fits_its_training_set_worse() -> None:
    def reading(train: float) -> str:
        runs = [
            result({"dataset.n_train": 100, "model.width": width, "training.seed": seed},
                   validation=1 / width * jitter(seed),
                   train=train**(width - 1) * 0.4 * jitter(seed))
            for width in (1, 2) for seed in range(3)
        ]  # fmt: skip
        return capacity_curves(cells(runs))[0].reading

    assert reading(0.1) == (
        "The smallest model ends with a train loss of 0.400, the best with 0.0400: it fits even "
        "its sample worse (bias)."
    )
    assert reading(1.0) == ""


def test_a_larger_model_with_a_higher_train_loss_counts_as_undertrained() -> None:
    runs = [
        result({"dataset.n_train": 100, "model.width": width, "training.seed": seed},
               validation=width * jitter(seed), train=0.1 * width * jitter(seed))
        for width in (1, 2) for seed in range(3)
    ]  # fmt: skip
    reading = capacity_curves(cells(runs))[0].reading
    assert "its train loss is higher too: it was not trained as well" in reading


def test_interpolation_threshold_is_both_measured_and_counted() -> None:
    capacity_curve = curve([1.0] * 6, train_errors={8: 0.0, 16: 0.0, 32: 0.0})
    assert (capacity_curve.measured_threshold, capacity_curve.counted_threshold) == (80, 100)


def test_without_a_fitting_model_there_is_no_measured_threshold() -> None:
    assert curve([1.0] * 6).measured_threshold is None


def test_a_peak_of_the_final_loss_is_double_descent() -> None:
    double_descent = curve(
        [1.0, 2.0, 6.0, 3.0, 1.2, 0.9], best=[1.0, 0.9, 0.8, 0.7, 0.6, 0.5],
        train_errors={8: 0.0, 16: 0.0, 32: 0.0},
    ).double_descent  # fmt: skip
    assert double_descent is not None and double_descent.resolved
    assert (double_descent.parameters, double_descent.at_threshold) == (40, True)


@pytest.mark.parametrize("final", [[6.0, 5, 4, 3, 2, 1], [3.0, 2, 1, 2, 3, 4], [1.0] * 6])
def test_falling_u_shaped_and_flat_curves_are_not_double_descent(final: list[float]) -> None:
    assert curve(final).double_descent is None


def test_the_optimum_depends_on_the_training_set_size() -> None:
    best = {50: 2, 100: 4, 200: 8}
    runs = results(
        lambda p, s: (1 + abs(p["model.width"] - best[p["dataset.n_train"]])) * jitter(s),
        dataset__n_train=[50, 100, 200], model__width=WIDTHS,
    )  # fmt: skip
    [optimum_curve] = optimum_curves(capacity_curves(cells(runs)))
    assert [(point.n_train, point.optimum.value) for point in optimum_curve.optima] == list(
        best.items()
    )


def test_without_a_capacity_axis_there_is_no_curve() -> None:
    assert capacity_curves(cells(results(lambda _, __: 1.0, dataset__n_train=[1, 2]))) == []

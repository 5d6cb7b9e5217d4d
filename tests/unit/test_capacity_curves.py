from collections.abc import Mapping, Sequence

import pytest

from backend.analysis.capacity_curves import CapacityCurve, capacity_curves, optimum_curves
from backend.analysis.cells import cells
from tests.grids import jitter, result, results

WIDTHS = [1, 2, 4, 8, 16, 32]


def curve(
    final: Sequence[float],
    *,
    best: Sequence[float] | None = None,
    train_errors: Mapping[int, float] | None = None,
    seeds: int = 3,
) -> CapacityCurve:
    """The capacity curve of these final (and lowest) validation losses over WIDTHS."""
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
    [found] = capacity_curves(cells(runs))
    return found


def test_the_optimum_is_chosen_by_validation_with_the_test_loss_beside() -> None:
    optimum = curve([3.0, 2.0, 1.0, 2.0, 3.0, 4.0]).optimum
    assert (optimum.value, optimum.parameters, optimum.tied) == (4, 40, [])
    assert optimum.test is not None
    assert optimum.test.mean == pytest.approx(1.05 * optimum.validation.mean)


def test_capacities_that_the_seeds_do_not_tell_apart_are_tied() -> None:
    assert curve([3.0, 1.005, 1.0, 2.0, 3.0, 4.0]).optimum.tied == [2]
    assert curve([3.0, 1.5, 1.0, 2.0, 3.0, 4.0], seeds=1).optimum.tied == [1, 2, 8, 16, 32]


def test_an_optimum_at_the_edge_is_said_to_be_one() -> None:
    found = curve([6.0, 5.0, 4.0, 3.0, 2.0, 1.0])
    assert found.optimum.at_edge
    assert "the largest measured: the optimum may lie beyond" in found.sentence


def test_a_tie_with_the_largest_capacity_leaves_the_optimum_open() -> None:
    found = curve([6.0, 5.0, 4.0, 3.0, 1.0, 1.005])
    assert not found.optimum.at_edge and found.optimum.open_ended
    assert "do not tell it from width 32: the optimum may lie beyond" in found.sentence


def test_seeds_that_did_not_learn_are_named_and_no_bias_is_read_off_them() -> None:
    runs = [
        result({"dataset.n_train": 100, "model.width": width, "training.seed": seed},
               validation=0.5 / width * jitter(seed),
               train=1.0 if width == 1 and seed else 0.1 / width * jitter(seed))
        for width in (1, 2, 4) for seed in range(3)
    ]  # fmt: skip
    [found] = capacity_curves(cells(runs))
    assert [point.untrained for point in found.points] == [2, 0, 0]
    assert "2 of the 3 seeds of width 1 learnt little more than" in found.sentence
    assert "bias" not in found.sentence


def test_a_model_that_can_do_no_more_is_not_called_untrained() -> None:
    runs = [
        result({"dataset.n_train": 100, "model.width": width, "training.seed": seed},
               validation=1 / width, train=(0.94 + 0.02 * seed) / width)
        for width in (1, 4) for seed in range(3)
    ]  # fmt: skip
    [found] = capacity_curves(cells(runs))
    assert [point.untrained for point in found.points] == [0, 0]
    assert "(bias)" in found.sentence


def test_seeds_that_came_to_two_ends_are_named() -> None:
    ends = {(2, 0): 0.2, (2, 1): 0.21, (2, 2): 0.9, (2, 3): 0.92}
    runs = results(
        lambda p, s: ends.get((p["model.width"], s), 0.5 * jitter(s)),
        seeds=4, model__width=[1, 2, 4],
    )  # fmt: skip
    [found] = capacity_curves(cells(runs))
    assert found.points[1].parted == pytest.approx((0.205, 0.91), rel=0.01)
    assert "The seeds of width 2 fall into two groups, at about 0.205 and 0.910" in found.sentence
    assert found.points[0].parted is None


def test_a_smaller_model_is_biased_where_it_fits_its_sample_worse_on_the_same_seeds() -> None:
    def told(train: float) -> str:
        runs = [
            result({"dataset.n_train": 100, "model.width": width, "training.seed": seed},
                   validation=1 / width * jitter(seed),
                   train=train**(width - 1) * 0.4 * jitter(seed))
            for width in (1, 2) for seed in range(3)
        ]  # fmt: skip
        return capacity_curves(cells(runs))[0].reading

    assert told(0.1) == (
        "The smallest model ends with a train loss of 0.400, the best with 0.0400: it fits even "
        "its sample worse (bias)."
    )
    assert told(1.0) == ""


def test_a_larger_model_is_not_blamed_for_what_it_was_not_trained_to() -> None:
    runs = [
        result({"dataset.n_train": 100, "model.width": width, "training.seed": seed},
               validation=width * jitter(seed), train=0.1 * width * jitter(seed))
        for width in (1, 2) for seed in range(3)
    ]  # fmt: skip
    reading = capacity_curves(cells(runs))[0].reading
    assert "its train loss is higher too: it was not trained as well" in reading


def test_the_threshold_is_where_train_error_reaches_zero_and_where_counting_puts_it() -> None:
    found = curve([1.0] * 6, train_errors={8: 0.0, 16: 0.0, 32: 0.0})
    assert (found.measured_threshold, found.counted_threshold) == (80, 100)


def test_no_model_may_fit_the_training_set() -> None:
    assert curve([1.0] * 6).measured_threshold is None


def test_a_peak_of_the_final_loss_is_double_descent() -> None:
    found = curve(
        [1.0, 2.0, 6.0, 3.0, 1.2, 0.9], best=[1.0, 0.9, 0.8, 0.7, 0.6, 0.5],
        train_errors={8: 0.0, 16: 0.0, 32: 0.0},
    ).double_descent  # fmt: skip
    assert found is not None and found.resolved
    assert (found.parameters, found.at_threshold) == (40, True)


@pytest.mark.parametrize("final", [[6.0, 5, 4, 3, 2, 1], [3.0, 2, 1, 2, 3, 4], [1.0] * 6])
def test_falling_u_shaped_and_flat_curves_are_no_double_descent(final: list[float]) -> None:
    assert curve(final).double_descent is None


def test_the_optimum_moves_with_the_training_set() -> None:
    best = {50: 2, 100: 4, 200: 8}
    runs = results(
        lambda p, s: (1 + abs(p["model.width"] - best[p["dataset.n_train"]])) * jitter(s),
        dataset__n_train=[50, 100, 200], model__width=WIDTHS,
    )  # fmt: skip
    [found] = optimum_curves(capacity_curves(cells(runs)))
    assert [(one.n_train, one.optimum.value) for one in found.optima] == list(best.items())


def test_without_a_capacity_axis_there_is_no_curve() -> None:
    assert capacity_curves(cells(results(lambda _, __: 1.0, dataset__n_train=[1, 2]))) == []

"""Comparison of variants by seed: intervals, resolved differences and the choice."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nct, ttest_rel
from scipy.stats import t as student

from backend.analysis.comparison import Arm, RunOutcome, compare, paired
from backend.analysis.comparison_sentences import in_words, seeds_needed

BASE = [1.0, 1.2, 0.9, 1.1, 1.05]
NOISE = [0.02, -0.03, 0.01, 0.0, -0.01]


def arm(name: str, validation: list[float], test: list[float] | None = None, **more: Any) -> Arm:
    fields = {"parameters": 10, "n_train": 50, "epochs": 100, **more}
    outcomes = [
        RunOutcome(seed, {"val_loss": v, "test_loss": t}, fields["epochs"])
        for seed, (v, t) in enumerate(zip(validation, test or validation, strict=True))
    ]
    return Arm(name, fields["parameters"], fields["n_train"], outcomes)


def shifted(by: float) -> list[float]:
    return [value + by + noise for value, noise in zip(BASE, NOISE, strict=True)]


@given(st.lists(st.tuples(*[st.floats(-10, 10)] * 2), min_size=3, max_size=30))
def test_the_interval_matches_the_paired_t_test(pairs: list[tuple[float, float]]) -> None:
    mine, theirs = (np.array(column) for column in zip(*pairs, strict=True))
    interval = paired(dict(enumerate(mine)), dict(enumerate(theirs)), 1)
    if np.ptp(mine - theirs) > 1e-6:
        low, high = ttest_rel(mine, theirs).confidence_interval(0.95)
        assert (interval.low, interval.high) == pytest.approx((low, high), rel=1e-6, abs=1e-9)
        assert (interval.joint_low, interval.joint_high) == (interval.low, interval.high)


def test_a_joint_interval_is_a_plain_interval_at_a_stricter_level() -> None:
    mine, theirs = np.array(shifted(-0.3)), np.array(BASE)
    interval = paired(dict(enumerate(mine)), dict(enumerate(theirs)), 4)
    low, high = ttest_rel(mine, theirs).confidence_interval(1 - 0.05 / 4)
    assert (interval.joint_low, interval.joint_high) == pytest.approx((low, high))


def test_variants_are_ranked_by_test_loss_and_chosen_by_validation_loss() -> None:
    comparison = compare(
        [
            arm("baseline", BASE),
            arm("good on test", shifted(-0.1), shifted(-0.5)),
            arm("good on validation", shifted(-0.5), shifted(-0.1)),
        ]
    )
    assert [effect.arm.name for effect in comparison.effects] == [
        "good on test",
        "good on validation",
    ]
    assert comparison.chosen and comparison.chosen.arm.name == "good on validation"
    assert "Its test loss is 0.10" in in_words(comparison)


def test_pairing_resolves_a_difference_smaller_than_the_spread_of_seeds() -> None:
    comparison = compare([arm("baseline", BASE), arm("better", shifted(-0.1))])
    assert np.std(BASE) > 0.09
    assert comparison.effects[0].differences["test_loss"].resolved


def test_a_difference_whose_interval_contains_zero_is_not_resolved() -> None:
    flat = [0.9, 1.35, 0.8, 1.15, 1.0]
    comparison = compare([arm("baseline", BASE), arm("same", flat)])
    assert not comparison.effects[0].differences["test_loss"].resolved
    assert "not resolved" in in_words(comparison)


def test_more_comparisons_require_more_evidence() -> None:
    weak = [value - 0.05 + 2.2 * noise for value, noise in zip(BASE, NOISE, strict=True)]
    few = compare([arm("baseline", BASE), arm("weak", weak)])
    assert few.effects[0].differences["test_loss"].resolved
    other_arms = [arm(f"other {i}", shifted(0.5)) for i in range(20)]
    many = compare([arm("baseline", BASE), arm("weak", weak), *other_arms])
    assert not many.effects[0].differences["test_loss"].resolved


def test_the_baseline_is_chosen_if_it_has_the_lowest_validation_loss() -> None:
    comparison = compare([arm("baseline", BASE), arm("worse", shifted(0.2))])
    assert comparison.chosen is comparison.baseline
    assert "no change lowers" in in_words(comparison)


def test_identical_results_do_not_ask_for_more_seeds() -> None:
    assert "are needed" not in in_words(compare([arm("baseline", BASE), arm("same", BASE)]))


def test_a_variant_with_a_failed_run_is_never_chosen() -> None:
    wild = arm("wild", shifted(-0.5))
    broken = Arm("wild", 10, 50, [*wild.outcomes[:-1], RunOutcome(4, None, 3)])
    comparison = compare([arm("baseline", BASE), broken])
    assert comparison.chosen is comparison.baseline
    assert comparison.effects[0].differences["test_loss"].pairs == 4


def test_a_failed_baseline_leaves_the_choice_to_validation_loss() -> None:
    broken = Arm("baseline", 10, 50, [RunOutcome(seed, None, 3) for seed in range(5)])
    comparison = compare([broken, arm("worse", shifted(0.5)), arm("better", shifted(-0.5))])
    assert comparison.chosen and comparison.chosen.arm.name == "better"
    text = in_words(comparison)
    assert "“baseline” has no validation loss on any seed; validation chooses “better”." in text
    assert "Its test loss is 0.548" in text


def test_no_variant_is_chosen_while_the_baseline_trains() -> None:
    waiting = Arm("baseline", 10, 50, [RunOutcome(0, None, 3), RunOutcome(1, None, 3, ended=False)])
    comparison = compare([waiting, arm("better", [0.5, 0.5])])
    assert comparison.chosen is None
    assert in_words(comparison) == "No seed has ended both with and without a change yet."


def test_only_complete_pairs_count_while_runs_train() -> None:
    waiting = [RunOutcome(seed, None, 4, ended=False) for seed in range(1, 5)]
    late = Arm("late", 10, 50, [RunOutcome(0, {"val_loss": 0.5, "test_loss": 0.5}, 9), *waiting])
    comparison = compare([arm("baseline", BASE), late])
    assert not comparison.complete
    assert comparison.effects[0].differences["test_loss"].low is None
    assert in_words(comparison).startswith("So far: ")


def test_cost_counts_parameters_samples_and_epochs() -> None:
    comparison = compare([arm("baseline", BASE), arm("more", BASE, n_train=200, epochs=50)])
    assert comparison.effects[0].cost == 2.0


def test_a_seed_counts_once_with_its_mean_over_the_cells() -> None:
    def crossed(name: str, by_cell: list[list[float]]) -> Arm:
        outcomes = [
            RunOutcome(seed, {"val_loss": loss, "test_loss": loss}, 9, cell=cell)
            for cell, losses in enumerate(by_cell)
            for seed, loss in enumerate(losses)
        ]
        return Arm(name, None, 50, outcomes)

    comparison = compare(
        [crossed("baseline", [[1.0, 2.0], [10.0, 20.0]]), crossed("b", [[0.8, 1.9], [10.1, 19.8]])]
    )
    [effect] = comparison.effects
    difference = effect.differences["test_loss"]
    assert difference.mean == pytest.approx(-0.1)
    assert difference.pairs == 2
    alone = paired({0: -0.05, 1: -0.15}, {0: 0.0, 1: 0.0}, 1)
    assert difference.low == pytest.approx(alone.low)
    assert (effect.cells, effect.lower, effect.cost, comparison.seeds) == (2, 2, None, 2)
    assert "over 2 cells, lower in 2" in in_words(comparison)


def test_the_number_of_needed_seeds_gives_80_percent_power() -> None:
    difference = paired(dict(enumerate(shifted(-0.01))), dict(enumerate(BASE)), 1)
    n = seeds_needed(difference, 1)
    assert n is not None
    spread = np.std([noise - 0.01 for noise in NOISE], ddof=1)
    shift = abs(difference.mean) / spread * np.sqrt(n)
    bound = student.ppf(0.975, n - 1)
    assert nct.sf(bound, n - 1, shift) == pytest.approx(0.8, abs=0.05)


def test_an_unresolved_difference_states_how_many_seeds_are_needed() -> None:
    weak = [value - 0.02 + 2.2 * noise for value, noise in zip(BASE, NOISE, strict=True)]
    text = in_words(compare([arm("baseline", BASE), arm("weak", weak)]))
    assert re.search(r"not resolved. To tell a difference of this size, about \d+ seeds", text)
    hardly = [value - 0.002 + noise for value, noise in zip(BASE, NOISE, strict=True)]
    text = in_words(compare([arm("baseline", BASE), arm("hardly", hardly)]))
    assert "more than 100 seeds are needed" in text
    clear = in_words(compare([arm("baseline", BASE), arm("better", shifted(-0.5))]))
    assert "needed" not in clear


def test_unresolved_differences_are_reported_even_without_a_choice() -> None:
    worse = [value + 0.02 + 2.2 * noise for value, noise in zip(BASE, NOISE, strict=True)]
    bad = [value + 0.03 - 4 * noise for value, noise in zip(BASE, NOISE, strict=True)]
    text = in_words(compare([arm("baseline", BASE), arm("worse", worse), arm("bad", bad)]))
    assert "No difference in test loss is resolved. To tell the clearest of the differ" in text


def test_a_resolved_accuracy_is_reported_if_the_loss_is_not_resolved() -> None:
    def scored(name: str, losses: list[float], accuracy: float) -> Arm:
        outcomes = [
            RunOutcome(
                seed, {"val_loss": v, "test_loss": v, "test_accuracy": accuracy + noise / 10}, 9
            )
            for seed, (v, noise) in enumerate(zip(losses, NOISE, strict=True))
        ]
        return Arm(name, 10, 50, outcomes)

    flat = [0.9, 1.35, 0.8, 1.15, 1.0]
    comparison = compare([scored("baseline", BASE, 0.7), scored("same", flat, 0.8)])
    accuracies = {i: 0.8 + NOISE[i] for i in range(5)}
    assert paired(accuracies, dict.fromkeys(range(5), 0.7), 1).resolved
    assert "test accuracy is resolved, though: “same” +10.0 points." in in_words(comparison)


def test_means_are_shown_only_if_both_variants_have_the_same_seeds() -> None:
    more = arm("more data", [0.1, 0.1], [0.5, 0.6])
    whole = in_words(compare([arm("baseline", [0.5, 0.5], [0.6, 0.8]), more]))
    partly = in_words(compare([arm("baseline", [0.5, 0.5, 0.5], [0.6, 0.8, 9.0]), more]))
    assert "(0.550 against 0.700)" in whole
    assert "against" not in partly

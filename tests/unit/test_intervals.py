import numpy as np
import pytest
from scipy import stats

from backend.analysis.intervals import Interval, interval, paired

VALUES = [1.0, 1.4, 0.9, 1.1]


def test_the_interval_matches_students_t() -> None:
    estimate = interval(VALUES)
    low, high = stats.t.interval(0.95, 3, np.mean(VALUES), stats.sem(VALUES))
    assert estimate is not None
    assert (estimate.low, estimate.high) == pytest.approx((low, high))
    assert estimate.standard_error == pytest.approx(stats.sem(VALUES))


def test_one_value_has_no_interval() -> None:
    assert interval([2.0]) == Interval(2.0, None, None, 1)


def test_values_that_are_not_finite_are_ignored() -> None:
    assert interval([float("nan"), None, 3.0]) == Interval(3.0, None, None, 1)
    assert interval([None]) is None


def test_paired_differences_cancel_the_effect_of_the_seed() -> None:
    before = {0: 1.0, 1: 10.0, 2: 100.0}
    after = {seed: 0.9 * value for seed, value in before.items()}
    difference = paired(after, before)
    assert difference is not None and difference.resolved
    assert difference.mean == pytest.approx(-0.1)


def test_pairs_are_the_common_seeds() -> None:
    difference = paired({0: 2.0, 5: 7.0}, {0: 1.0, 4: 3.0})
    assert difference is not None
    assert difference.count == 1
    assert difference.mean == pytest.approx(1.0)
    assert not difference.resolved
    assert paired({0: 1.0}, {1: 1.0}) is None


def test_a_loss_of_zero_does_not_break_the_ratio() -> None:
    difference = paired({0: 0.0, 1: 0.0}, {0: 1.0, 1: 2.0})
    assert difference is not None and difference.mean == pytest.approx(-1)

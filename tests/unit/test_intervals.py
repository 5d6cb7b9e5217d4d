import numpy as np
import pytest
from scipy import stats

from backend.analysis.intervals import Interval, interval, paired

VALUES = [1.0, 1.4, 0.9, 1.1]


def test_the_interval_is_students_t() -> None:
    found = interval(VALUES)
    low, high = stats.t.interval(0.95, 3, np.mean(VALUES), stats.sem(VALUES))
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.standard_error == pytest.approx(stats.sem(VALUES))


def test_one_value_has_no_interval() -> None:
    assert interval([2.0]) == Interval(2.0, None, None, 1)


def test_what_is_not_finite_is_left_out() -> None:
    assert interval([float("nan"), None, 3.0]) == Interval(3.0, None, None, 1)
    assert interval([None]) is None


def test_paired_differences_cancel_a_seeds_own_luck() -> None:
    before = {0: 1.0, 1: 10.0, 2: 100.0}
    after = {seed: 0.9 * value for seed, value in before.items()}
    found = paired(after, before)
    assert found is not None and found.resolved
    assert found.mean == pytest.approx(-0.1)


def test_pairs_are_the_seeds_that_both_have() -> None:
    found = paired({0: 2.0, 5: 7.0}, {0: 1.0, 4: 3.0})
    assert found is not None
    assert found.count == 1
    assert found.mean == pytest.approx(1.0)
    assert not found.resolved
    assert paired({0: 1.0}, {1: 1.0}) is None


def test_a_loss_of_zero_does_not_break_the_ratio() -> None:
    found = paired({0: 0.0, 1: 0.0}, {0: 1.0, 1: 2.0})
    assert found is not None and found.mean == pytest.approx(-1)

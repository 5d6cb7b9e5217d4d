"""Smoothing is a weighted mean of the earlier values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.series import smooth

VALUES = st.lists(st.none() | st.floats(-1e6, 1e6))
WEIGHT = st.floats(0, 0.99)


@given(VALUES, WEIGHT)
def test_smoothing_is_the_weighted_mean_of_the_values_so_far(
    values: list[float | None], weight: float
) -> None:
    for end, smoothed in enumerate(smooth(values, weight)):
        values_so_far = [value for value in values[: end + 1] if value is not None]
        weights = [weight**age for age in reversed(range(len(values_so_far)))]
        mean = sum(w * v for w, v in zip(weights, values_so_far, strict=True)) / sum(weights or [1])
        assert smoothed == (None if values[end] is None else pytest.approx(mean, abs=1e-6))


@given(VALUES)
def test_a_weight_of_zero_changes_nothing(values: list[float | None]) -> None:
    assert smooth(values, 0) == values

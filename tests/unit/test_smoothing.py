"""Smoothing is a weighted mean of what came before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.series import smooth

VALUES = st.lists(st.none() | st.floats(-1e6, 1e6))
WEIGHT = st.floats(0, 0.99)


@given(VALUES, WEIGHT)
def test_it_is_the_weighted_mean_of_the_values_so_far(
    values: list[float | None], weight: float
) -> None:
    for end, found in enumerate(smooth(values, weight)):
        seen = [value for value in values[: end + 1] if value is not None]
        weights = [weight**age for age in reversed(range(len(seen)))]
        mean = sum(w * v for w, v in zip(weights, seen, strict=True)) / sum(weights or [1])
        assert found == (None if values[end] is None else pytest.approx(mean, abs=1e-6))


@given(VALUES)
def test_without_weight_nothing_changes(values: list[float | None]) -> None:
    assert smooth(values, 0) == values

"""Thinning keeps the visible features of a curve."""

from math import log

from hypothesis import given
from hypothesis import strategies as st

from backend.series import downsample

VALUES = st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False))


@given(VALUES, st.integers(4, 50), st.booleans())
def test_thinning_keeps_end_points_and_extremes(
    values: list[float | None], max_points: int, logarithmic: bool
) -> None:
    at = [log(1 + index) for index in range(len(values))] if logarithmic else None
    indices = downsample(values, max_points, at=at)
    numbers = [value for value in values if value is not None]
    assert len(indices) <= max(max_points, 0)
    assert indices == sorted(set(indices))
    if numbers:
        assert {min(numbers), max(numbers)} <= {values[i] for i in indices}
        assert {0, len(values) - 1} <= set(indices)


def test_a_short_curve_is_kept_whole() -> None:
    assert downsample([1.0, None, 3.0], 4) == [0, 1, 2]


def test_thinning_keeps_gaps() -> None:
    values = [1.0] * 10 + [None] * 80 + [1.0] * 10
    assert None in [values[i] for i in downsample(values, 10)]


def test_a_logarithmic_axis_keeps_points_of_each_decade() -> None:
    values = [float(index % 7) for index in range(100_000)]
    indices = downsample(values, 100, at=[log(1 + index) for index in range(100_000)])
    assert sum(index < 1000 for index in indices) > 40

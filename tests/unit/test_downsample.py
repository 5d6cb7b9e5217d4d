"""Thinning keeps what the eye would miss."""

from hypothesis import given
from hypothesis import strategies as st

from backend.analysis.downsample import downsample

VALUES = st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False))


@given(VALUES, st.integers(4, 50))
def test_ends_and_extremes_stay(values: list[float | None], max_points: int) -> None:
    kept = downsample(values, max_points)
    numbers = [value for value in values if value is not None]
    assert len(kept) <= max(max_points, 0)
    assert kept == sorted(set(kept))
    if numbers:
        assert {min(numbers), max(numbers)} <= {values[i] for i in kept}
        assert {0, len(values) - 1} <= set(kept)


def test_a_short_curve_is_kept_whole() -> None:
    assert downsample([1.0, None, 3.0], 4) == [0, 1, 2]


def test_a_gap_stays_visible() -> None:
    values = [1.0] * 10 + [None] * 80 + [1.0] * 10
    assert None in [values[i] for i in downsample(values, 10)]

"""A metric as arrays answers as a dictionary of its values by step would."""

from math import isfinite, nan
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from backend.series import Series

BY_STEP = st.dictionaries(
    st.integers(1, 30), st.one_of(st.floats(-9, 9), st.just(nan), st.just(float("inf")))
)


def column(by_step: dict[int, float]) -> Series:
    steps = sorted(by_step)
    return Series.of(steps, [by_step[step] for step in steps])


@given(BY_STEP)
def test_values_are_found_by_step(by_step: dict[int, float]) -> None:
    found = column(by_step)
    known = {step: value for step, value in by_step.items() if isfinite(value)}
    assert [found.at(step) for step in range(32)] == [known.get(step) for step in range(32)]
    assert found.lowest == min(sorted(known), key=known.__getitem__, default=None)


@given(BY_STEP, BY_STEP)
def test_another_metric_is_read_at_the_same_steps(one: dict[int, float], other: Any) -> None:
    paired = column(other).values_at(column(one).steps)
    assert [repr(each) for each in paired.tolist()] == [
        repr(float(other.get(step, nan))) for step in sorted(one)
    ]


@given(BY_STEP, st.none() | st.integers(0, 31), st.none() | st.integers(0, 31))
def test_a_stretch_is_that_of_its_steps(
    by_step: dict[int, float], first: int | None, last: int | None
) -> None:
    found = column(by_step)
    low, high = first or 0, 31 if last is None else last
    expected = [step for step in sorted(by_step) if low <= step <= high]
    assert found.steps[found.between(first, last)].tolist() == expected

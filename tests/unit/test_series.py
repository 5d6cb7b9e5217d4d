"""A metric stored as arrays behaves like a dictionary of values by step."""

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
def test_values_are_looked_up_by_step(by_step: dict[int, float]) -> None:
    metric = column(by_step)
    known = {step: value for step, value in by_step.items() if isfinite(value)}
    assert [metric.at(step) for step in range(32)] == [known.get(step) for step in range(32)]
    assert metric.lowest == min(sorted(known), key=known.__getitem__, default=None)


@given(BY_STEP, BY_STEP)
def test_another_metric_is_aligned_to_the_same_steps(
    by_step: dict[int, float], other_by_step: Any
) -> None:
    paired = column(other_by_step).values_at(column(by_step).steps)
    assert [repr(value) for value in paired.tolist()] == [
        repr(float(other_by_step.get(step, nan))) for step in sorted(by_step)
    ]


@given(BY_STEP, st.none() | st.integers(0, 31), st.none() | st.integers(0, 31))
def test_a_range_of_steps_is_selected(
    by_step: dict[int, float], first: int | None, last: int | None
) -> None:
    metric = column(by_step)
    low, high = first or 0, 31 if last is None else last
    expected = [step for step in sorted(by_step) if low <= step <= high]
    assert metric.steps[metric.between(first, last)].tolist() == expected

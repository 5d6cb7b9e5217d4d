"""What must not change a verdict: scale, sampling, noise, a few numbers that are missing or odd."""

import json
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from backend.diagnosis import Curve, Diagnosis, diagnose
from backend.diagnosis.diagnosis import confidence
from backend.series import FloatArray as Array
from backend.series import Series
from tests.curves import CASES, EPOCHS, curve, falling, rising_after


def test_the_onset_passes_over_a_lone_dip() -> None:
    losses = rising_after(30, 1.5)
    losses[2] = 0.1
    assert diagnose(curve(falling(0.0), losses)).onset_step == 30


def test_a_spike_is_no_double_descent() -> None:
    losses = falling(0.5)
    losses[[60, 61]] = 4.0
    assert diagnose(curve(falling(0.1), losses)).verdict == "good fit"


def test_the_best_row_repeated_at_the_end_is_no_recovery() -> None:
    t, v = falling(0.0), rising_after(30, 1.5)
    found = diagnose(curve([*t, *[t[29]] * 4], [*v, *[v[29]] * 4]))
    assert (found.rule, found.onset_step) == ("overfitting.severe", 30)


def test_a_single_outlier_at_the_end_is_no_rise() -> None:
    assert diagnose(curve(falling(0.3), [*falling(0.4)[:-1], 3.0])).verdict == "good fit"


@pytest.mark.parametrize("every", [1, 7, 50])
def test_validation_may_come_less_often_and_at_other_steps_than_train(every: int) -> None:
    steps = np.arange(1, 2001)
    train = Series(steps, falling(0.0, n=2000))
    validation = Series(steps, rising_after(30, 1.5, n=2000))
    seldom = validation.take(np.flatnonzero(steps % every == 0))
    others = train.take(np.flatnonzero((steps % every > 0) | (every == 1)))
    found = diagnose(Curve.from_series(others, seldom, unit="step"))
    assert found.rule == "overfitting.severe"
    assert found.onset_step == pytest.approx(600, abs=50)
    assert "at step " in found.sentence


def test_hundred_thousand_steps_are_read_like_a_hundred() -> None:
    long = diagnose(curve(falling(0.0, n=100_000), rising_after(30, 1.5, n=100_000)))
    assert long.rule == diagnose(curve(falling(0.0), rising_after(30, 1.5))).rule
    assert long.onset_step == 30_000


def test_numbers_that_are_missing_here_and_there_are_left_out() -> None:
    v = rising_after(30, 1.5)
    v[[3, 40, 77]] = math.nan
    found = diagnose(curve(falling(0.0), v))
    assert found.rule == "overfitting.severe"
    assert "3 points whose loss is not a finite number" in found.not_checked


@given(st.floats(1e-6, 1e6), st.sampled_from(CASES))
def test_scaling_both_losses_leaves_the_rule_unchanged(
    factor: float, case: tuple[str, ArrayLike, ArrayLike]
) -> None:
    rule, train, validation = case
    scaled = curve(factor * np.asarray(train), factor * np.asarray(validation))
    assert diagnose(scaled).rule == rule


CLEAR = [
    case
    for case in CASES
    if case[0] not in ("not-assessable.short", "underfitting.no-progress", "diverged.exploded")
]


@pytest.mark.parametrize("every", range(2, 11))
@pytest.mark.parametrize(("train", "validation"), [case[1:] for case in CLEAR])
def test_thinning_leaves_the_verdict_unchanged(
    train: ArrayLike, validation: ArrayLike, every: int
) -> None:
    t, v = (np.interp(np.linspace(1, 100, 300), EPOCHS, np.asarray(x)) for x in (train, validation))
    assert diagnose(curve(t[::every], v[::every])).verdict == diagnose(curve(t, v)).verdict


NOISY = [
    (falling(0.1, n=200), rising_after(30, 1.0, n=200)),
    (falling(0.1, n=200), rising_after(60, 1.5, n=200)),
    (falling(0.3, n=200), falling(0.4, n=200)),
    (falling(0.0, pace=20, n=200), falling(0.5, n=200)),
    (falling(0.1, pace=60, n=200), falling(0.2, pace=60, n=200)),
]


@pytest.mark.parametrize(("train", "validation"), NOISY)
@pytest.mark.parametrize("share", [0.03, 0.1])
def test_noise_up_to_a_tenth_of_the_fall_leaves_the_verdict_unchanged(
    train: Array, validation: Array, share: float
) -> None:
    draws = np.random.default_rng(7)
    fall = share * (validation[0] - validation.min())

    def noisy() -> Diagnosis:
        t, v = (x + draws.normal(0, fall, len(x)) for x in (train, validation))
        return diagnose(curve(t, v))

    expected = diagnose(curve(train, validation)).verdict
    assert sum(noisy().verdict == expected for _ in range(100)) >= 95


@given(
    st.lists(st.tuples(st.floats(), st.floats()), max_size=30),
    st.none() | st.floats(allow_nan=False),
)
def test_no_curve_breaks_the_diagnosis(pairs: list[tuple[float, float]], ref: float | None) -> None:
    found = diagnose(curve([t for t, _ in pairs], [v for _, v in pairs]), reference_loss=ref)
    assert found.sentence.endswith(".")
    assert json.dumps(found.as_dict(), allow_nan=False)


def test_numbers_near_the_largest_are_judged() -> None:
    huge = rising_after(30, 2.0)
    overflown: Any = SimpleNamespace(
        threshold=math.nan, rise=0.0, smoothed=SimpleNamespace(error=0.0), validation=huge
    )
    found: Any = SimpleNamespace(verdict="good fit")
    assert confidence(overflown, found) == "low"
    accuracy = Series(EPOCHS, np.full(len(EPOCHS), 1e308))
    assert diagnose(curve(falling(0.1), huge), accuracy=accuracy).findings == []


def test_one_point_without_a_number_is_one_point() -> None:
    validation = falling(0.4)
    validation[9] = math.nan
    told = diagnose(curve(falling(0.3), validation)).not_checked
    assert "1 point whose loss is not a finite number" in told

"""Verdicts do not depend on scale, sampling, noise, or a few missing or odd values."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from backend.diagnosis import Curve, Diagnosis, diagnose
from backend.diagnosis.diagnosis import confidence
from backend.diagnosis.measurements import CurveShape
from backend.diagnosis.verdicts import RuleMatch, Verdict
from backend.series import FloatArray as Array
from backend.series import Series
from tests.curves import CASES, EPOCHS, curve, falling, rising_after


def test_the_onset_ignores_a_single_dip() -> None:
    losses = rising_after(30, 1.5)
    losses[2] = 0.1
    assert diagnose(curve(falling(0.0), losses)).onset_step == 30


def test_a_spike_is_not_double_descent() -> None:
    losses = falling(0.5)
    losses[[60, 61]] = 4.0
    assert diagnose(curve(falling(0.4), losses)).verdict == "good fit"


def test_a_repeated_best_row_at_the_end_is_not_a_recovery() -> None:
    t, v = falling(0.0), rising_after(30, 1.5)
    diagnosis = diagnose(curve([*t, *[t[29]] * 4], [*v, *[v[29]] * 4]))
    assert (diagnosis.rule, diagnosis.onset_step) == ("overfitting.past-its-best", 30)


def test_a_single_outlier_at_the_end_is_not_a_rise() -> None:
    assert diagnose(curve(falling(0.3), [*falling(0.4)[:-1], 3.0])).verdict == "good fit"


@pytest.mark.parametrize("every", [1, 7, 50])
def test_validation_may_be_recorded_at_fewer_and_other_steps_than_train(every: int) -> None:
    steps = np.arange(1, 2001)
    train = Series(steps, falling(0.0, n=2000))
    validation = Series(steps, rising_after(30, 1.5, n=2000))
    seldom = validation.take(np.flatnonzero(steps % every == 0))
    other_steps = train.take(np.flatnonzero((steps % every > 0) | (every == 1)))
    diagnosis = diagnose(Curve.from_series(other_steps, seldom, unit="step"))
    assert diagnosis.rule == "overfitting.past-its-best"
    assert diagnosis.onset_step == pytest.approx(600, abs=50)
    assert "at step " in diagnosis.sentence


def test_100000_steps_are_diagnosed_like_100() -> None:
    long = diagnose(curve(falling(0.0, n=100_000), rising_after(30, 1.5, n=100_000)))
    assert long.rule == diagnose(curve(falling(0.0), rising_after(30, 1.5))).rule
    assert long.onset_step == 30_000


def test_missing_values_are_ignored_and_reported() -> None:
    v = rising_after(30, 1.5)
    v[[3, 40, 77]] = math.nan
    diagnosis = diagnose(curve(falling(0.0), v))
    assert diagnosis.rule == "overfitting.past-its-best"
    assert "3 points whose loss is not a finite number" in diagnosis.not_checked


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
    (falling(0.0, pace=20, n=200), falling(0.5, n=200)),  # a gap
    (falling(0.1, pace=60, n=200), falling(0.2, pace=60, n=200)),
]


@pytest.mark.parametrize(("train", "validation"), NOISY)
@pytest.mark.parametrize("share", [0.03, 0.1])
def test_noise_up_to_a_tenth_of_the_fall_keeps_the_verdict(
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
def test_no_curve_crashes_the_diagnosis(
    pairs: list[tuple[float, float]], ref: float | None
) -> None:
    diagnosis = diagnose(curve([t for t, _ in pairs], [v for _, v in pairs]), reference_loss=ref)
    assert diagnosis.sentence.endswith(".")
    assert json.dumps(diagnosis.as_dict(), allow_nan=False)


def test_values_near_the_largest_float_are_diagnosed() -> None:
    huge = rising_after(30, 2.0)
    shape = CurveShape(curve(falling(0.1), huge))
    match = RuleMatch(Verdict.GOOD_FIT, "good-fit.settled", "", "", margin=math.nan)
    assert confidence(shape, match) == "low"
    accuracy = Series(EPOCHS, np.full(len(EPOCHS), 1e308))
    assert diagnose(curve(falling(0.1), huge), accuracy=accuracy).findings == []


def test_a_single_nan_is_reported_in_the_singular() -> None:
    validation = falling(0.4)
    validation[9] = math.nan
    not_checked = diagnose(curve(falling(0.3), validation)).not_checked
    assert "1 point whose loss is not a finite number" in not_checked

"""Verdicts on curves whose reading is not in doubt, and what must not change them."""

import json
import math
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from backend.analysis import Curve, Diagnosis, diagnose
from backend.analysis.confidence import confidence
from backend.analysis.curve import Array
from backend.analysis.found import RULES
from backend.analysis.number import number

EPOCHS = np.arange(1, 101)


def curve(train: ArrayLike, validation: ArrayLike) -> Curve:
    t, v = np.asarray(train, float), np.asarray(validation, float)
    return Curve.from_arrays(np.arange(1, len(t) + 1), t, v)


def falling(to: float, pace: float = 10, n: int = 100) -> Array:
    return np.asarray(to + np.exp(-100 / n * np.arange(1, n + 1) / pace))


def rising_after(best: float, to: float, n: int = 100, low: float = 0.5) -> Array:
    e = np.arange(1, n + 1) * 100 / n
    down, up = low + (1 - e / best) ** 2, low + (to - low) * (e - best) / (100 - best)
    return np.where(e <= best, down, up)


RESTARTS = 0.3 * np.cos((EPOCHS / 25 % 1) * np.pi / 2) * np.exp(-EPOCHS / 60)
STEP = np.where(EPOCHS < 50, 0.4, 0.0)
HUMP = 3 + 4 * np.exp(-(((EPOCHS - 20) / 8) ** 2)) - 2.9 / (1 + np.exp(-(EPOCHS - 45) / 4))
CASES: list[tuple[str, ArrayLike, ArrayLike]] = [
    ("overfitting.mild", falling(0.1), rising_after(30, 0.7)),
    ("overfitting.severe", falling(0.1), rising_after(30, 2.0)),
    ("overfitting.severe", falling(-2.0), rising_after(30, 0.5, low=-0.5)),  # losses below 0
    ("overfitting.severe", falling(0.0), rising_after(30, 1.0, low=0.0)),  # losses that reach 0
    ("good-fit.settled", falling(0.3), falling(0.4)),
    ("good-fit.settled", falling(0.0, pace=20), falling(0.5)),  # a gap is no rise
    ("good-fit.settled", falling(0.6), falling(0.4)),  # dropout: train above validation
    ("good-fit.settled", falling(-2.0), falling(-1.0)),
    ("good-fit.settled", falling(0.2) + STEP, falling(0.3) + STEP),  # a smaller learning rate
    ("still-improving.falling", falling(0.1, pace=60), falling(0.2, pace=60)),
    ("memorised-noise.never-fell", falling(0.0), 1 + EPOCHS / 100),
    ("double-descent.epoch-wise", falling(0.0, pace=3), HUMP),
    ("unstable.both-rise", rising_after(30, 1.0), rising_after(30, 1.5)),
    ("underfitting.no-progress", np.full(100, 0.7), np.full(100, 0.7)),
    ("diverged.exploded", falling(0.3)[:50].tolist() + [5.0] * 50, [1.0] * 50 + [9.0] * 50),
    ("not-assessable.short", falling(0.0)[:3], falling(0.0)[:3]),
]


def test_the_ids_of_rules_are_those_that_are_documented() -> None:
    text = (Path(__file__).parents[2] / "docs/diagnosis.md").read_text()
    rows = [row for row in text.split("## What a rise is")[0].splitlines() if row.startswith("|")]
    written = {each for row in rows for each in re.findall(r"`([a-z-]+\.[a-z-]+)`", row)}
    assert written | {"over-confident"} == RULES
    assert {rule for rule, _, _ in CASES} <= RULES


@pytest.mark.parametrize(("rule", "train", "validation"), CASES)
def test_verdicts(rule: str, train: ArrayLike, validation: ArrayLike) -> None:
    assert diagnose(curve(train, validation)).rule == rule


def test_overfitting_names_its_onset_and_its_numbers() -> None:
    found = diagnose(curve(falling(0.0), rising_after(30, 2.0)))
    assert found.overfitting is True
    assert found.onset_step == found.best_step == 30
    assert found.confidence == "high"
    assert found.sentence.startswith(
        "Overfitting: validation loss was lowest at epoch 30 (0.500) and ends at 2.00 (smoothed, a"
    )
    recorded = [found.evidence[name] for name in ("train_loss_at_best", "final_train_loss")]
    assert found.sentence.endswith(
        f"train loss fell from {number(recorded[0])} to {number(recorded[1])}."
    )
    assert "by heart" in found.learner


def test_only_a_rise_after_a_fall_is_overfitting() -> None:
    memorised = diagnose(curve(falling(0.0), falling(8.2)), reference_loss=32.0)
    assert (memorised.rule, memorised.overfitting) == ("memorised-noise.near-zero-train", False)
    assert "26% of that of always giving the same answer" in memorised.sentence
    rising = curve(falling(0.0), 1 + EPOCHS / 100)
    assert diagnose(rising).overfitting is False
    assert diagnose(rising, reference_loss=2.0).overfitting is True  # it fell in the first epoch


LATE = [0.6, 0.4, 0.34, *[0.335, 0.34, 0.33, 0.335] * 2, 0.33, 0.38, 0.45, 0.6]
IN_ORDER = [1.0, 0.55, 0.57, 0.48, 0.34, 0.27, 0.29, 0.3, 0.33, 0.44]
PLATEAU = np.concatenate([np.full(50, 0.5), np.linspace(0.5, 1.0, 50)])
DIP = [0.65, 0.61, *np.linspace(0.67, 1.1, 28)]


@pytest.mark.parametrize("validation", [LATE, IN_ORDER, PLATEAU, DIP])
def test_a_rise_counts_if_late_short_or_after_hardly_a_fall(validation: ArrayLike) -> None:
    losses = np.asarray(validation, float)
    found = diagnose(curve(falling(0.05, n=len(losses)), losses))
    assert found.overfitting is True
    assert found.onset_step == int(losses.argmin()) + 1


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
    train = dict(enumerate(falling(0.0, n=2000), start=1))
    validation = dict(enumerate(rising_after(30, 1.5, n=2000), start=1))
    seldom = {step + 0: loss for step, loss in validation.items() if step % every == 0}
    others = {step: loss for step, loss in train.items() if step % every or every == 1}
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
    assert "3 points whose loss is no finite number" in found.not_checked


def test_a_loss_that_is_no_number_any_more_means_diverged() -> None:
    found = diagnose(curve([1.0] * 9 + [math.nan], [1.0] * 10))
    assert found.rule == "diverged.not-finite"
    assert "epoch 10" in found.sentence


def test_underfitting_is_seen_against_the_reference_only() -> None:
    flat = curve(falling(0.66), falling(0.67))
    assert diagnose(flat, reference_loss=0.69).verdict == "underfitting"
    assert diagnose(flat).verdict == "good fit"
    assert "underfitting" in diagnose(flat).not_checked[0]


def test_noise_alone_is_not_underfitting() -> None:
    mislabelled = curve(falling(0.66), falling(0.35))
    assert diagnose(mislabelled, reference_loss=0.69).verdict == "good fit"


def test_a_fit_solved_at_once_is_judged_by_its_end() -> None:
    assert diagnose(curve([0.68], [0.69]), reference_loss=0.69).verdict == "underfitting"
    assert diagnose(curve([0.0], [9.0]), reference_loss=10.0).verdict == "memorised noise"
    assert diagnose(curve([0.1], [0.2]), reference_loss=10.0).verdict == "not assessable"


@pytest.mark.parametrize(("accuracy", "told"), [(0.9, True), (0.7, False)])
def test_loss_that_overfits_while_accuracy_holds_is_over_confident(
    accuracy: float, told: bool
) -> None:
    accuracies = {e: min(0.9, 0.5 + e / 50) if e <= 40 else accuracy for e in range(1, 101)}
    found = diagnose(curve(falling(0.0), rising_after(30, 1.5)), accuracy=accuracies)
    assert found.overfitting is True
    assert [one.rule for one in found.findings] == ["over-confident"] * told
    assert not any("over-confidence" in check for check in found.not_checked)


def test_an_accuracy_that_never_moves_tells_nothing_of_confidence() -> None:
    accuracies = dict.fromkeys(range(1, 101), 0.5)
    found = diagnose(curve(falling(0.0), rising_after(30, 1.5)), accuracy=accuracies)
    assert found.findings == []
    assert "over-confidence: validation accuracy never moves" in found.not_checked


def test_an_empty_curve_is_not_assessable() -> None:
    found = diagnose(curve([], []))
    assert (found.verdict, found.overfitting, found.best_step) == ("not assessable", None, None)


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


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-13, "0"),
        (0.0004, "0.000400"),
        (2.5e-5, "2.50e-05"),
        (0.25, "0.250"),
        (5.02, "5.02"),
        (99.96, "100"),
        (439.2, "439"),
    ],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_numbers_near_the_largest_are_judged() -> None:
    huge = rising_after(30, 2.0)
    overflown: Any = SimpleNamespace(
        threshold=math.nan, rise=0.0, reading=SimpleNamespace(error=0.0), validation=huge
    )
    found: Any = SimpleNamespace(verdict="good fit")
    assert confidence(overflown, found) == "low"
    accuracy = {int(step): 1e308 for step in EPOCHS}
    assert diagnose(curve(falling(0.1), huge), accuracy=accuracy).findings == []


def test_pure_noise_is_not_said_to_have_fallen() -> None:
    draws = np.random.default_rng(3)
    losses = (np.abs(draws.normal(1, 0.5, 60)) for _ in range(2))
    found = diagnose(curve(*losses))
    assert found.rule == "unstable.noisy"
    assert "any fall or rise smaller than that is hidden" in found.sentence
    assert "fell" not in found.sentence


def test_the_rise_that_is_told_follows_from_the_numbers_beside_it() -> None:
    noise = np.random.default_rng(1).normal(0, 0.05, 100)
    found = diagnose(curve(falling(0.05), rising_after(30, 0.9) + noise))
    told = re.search(r"a rise of (\d+)%, from about ([\d.]+) to ([\d.]+)\)", found.sentence)
    assert told
    percent, low, end = map(float, told.groups())
    assert percent == pytest.approx(100 * (end / low - 1), abs=1)
    assert found.evidence["rise_since_best"] == pytest.approx(percent / 100, abs=0.006)
    assert found.evidence["smoothed_best_validation_loss"] == pytest.approx(low, rel=0.01)


def test_validation_that_gives_no_number_while_train_goes_on_is_judged_until_then() -> None:
    validation = rising_after(30, 2.0)
    validation[80:] = math.nan
    found = diagnose(curve(falling(0.05), validation))
    assert found.rule == "diverged.validation-not-finite"
    assert "from epoch 81 on, while train loss goes on" in found.sentence
    assert "Until then, overfitting: validation loss was lowest at epoch 30" in found.sentence
    assert "learning rate" not in found.sentence + found.learner


def test_train_that_ends_without_a_number_breaks_training_down() -> None:
    train, validation = falling(0.05), rising_after(30, 2.0)
    train[90:] = validation[80:] = math.nan
    assert diagnose(curve(train, validation)).rule == "diverged.not-finite"
    steps = dict(enumerate(train, 1)) | {101: math.nan}
    found = diagnose(Curve.from_series(steps, dict(enumerate(validation, 1))))
    assert found.rule == "diverged.not-finite"


def test_one_point_without_a_number_is_one_point() -> None:
    validation = falling(0.4)
    validation[9] = math.nan
    told = diagnose(curve(falling(0.3), validation)).not_checked
    assert "1 point whose loss is no finite number" in told

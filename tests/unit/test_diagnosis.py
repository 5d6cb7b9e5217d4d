"""Verdicts on curves whose reading is not in doubt."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.analysis import Curve, diagnose
from backend.analysis.diagnosis import number

EPOCHS = range(1, 101)


def curve(train: list[float], validation: list[float]) -> Curve:
    return Curve.from_series(dict(enumerate(train, start=1)), dict(enumerate(validation, start=1)))


def falling(to: float, pace: float = 10) -> list[float]:
    return [to + math.exp(-epoch / pace) for epoch in EPOCHS]


def rising_after(best: int, to: float) -> list[float]:
    return [
        0.5 + (1 - e / best) ** 2 if e <= best else 0.5 + (to - 0.5) * (e - best) / (100 - best)
        for e in EPOCHS
    ]


@pytest.mark.parametrize(
    ("train", "validation", "rule"),
    [
        (falling(0.0), rising_after(30, 0.6), "overfitting.mild"),
        (falling(0.0), rising_after(30, 2.0), "overfitting.severe"),
        (falling(0.3), falling(0.4), "good-fit.settled"),
        (falling(0.1, pace=60), falling(0.2, pace=60), "still-improving.falling"),
        (rising_after(30, 1.0), rising_after(30, 1.5), "unstable.both-rise"),
        (falling(0.0)[:3], falling(0.0)[:3], "not-assessable.short"),
    ],
)
def test_verdicts(train: list[float], validation: list[float], rule: str) -> None:
    assert diagnose(curve(train, validation)).rule == rule


def test_overfitting_names_its_onset_and_its_numbers() -> None:
    found = diagnose(curve(falling(0.0), rising_after(30, 2.0)))
    assert found.overfitting is True
    assert found.onset_step == found.best_step == 30
    assert found.sentence.startswith(
        "Overfitting: validation loss was lowest at epoch 30 (0.500) and has risen 2"
    )


def test_a_loss_that_is_not_finite_means_diverged() -> None:
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


def test_training_data_learnt_by_heart_are_no_good_fit() -> None:
    memorised = curve(falling(0.0), falling(8.2))
    found = diagnose(memorised, reference_loss=32.0)
    assert found.rule == "overfitting.memorised"
    assert "26% of that of always giving the same answer" in found.sentence


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0004, "0.000"), (0.25, "0.250"), (5.02, "5.02"), (99.96, "100"), (439.2, "439")],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_an_empty_curve_is_not_assessable() -> None:
    found = diagnose(curve([], []))
    assert (found.verdict, found.overfitting, found.best_step) == ("not assessable", None, None)


@given(st.floats(1e-3, 1e3), st.sampled_from([0.6, 2.0]))
def test_scaling_both_losses_leaves_the_rule_unchanged(factor: float, to: float) -> None:
    train, validation = falling(0.0), rising_after(30, to)
    scaled = curve([factor * v for v in train], [factor * v for v in validation])
    assert diagnose(scaled).rule == diagnose(curve(train, validation)).rule


@given(
    st.lists(st.tuples(st.floats(), st.floats()), max_size=30),
    st.none() | st.floats(allow_nan=False),
)
def test_no_curve_breaks_the_diagnosis(pairs: list[tuple[float, float]], ref: float | None) -> None:
    found = diagnose(curve([t for t, _ in pairs], [v for _, v in pairs]), reference_loss=ref)
    assert found.sentence.endswith(".")


def test_numbers_too_large_to_compare_still_make_valid_json() -> None:
    found = diagnose(curve([1e-300] * 20, [1e-300] * 10 + [1e300] * 10)).as_dict()
    assert json.loads(json.dumps(found, allow_nan=False))["evidence"]["rise_since_best"] is None

"""Diagnosis of curves with a clear verdict, and its sentences."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike

from backend.diagnosis import Curve, diagnose
from backend.diagnosis.number_format import number
from backend.diagnosis.verdicts import RULES, slug
from backend.series import Series
from tests.curves import CASES, EPOCHS, PAST, curve, falling, rising_after


def test_the_documentation_lists_every_rule() -> None:
    text = (Path(__file__).parents[2] / "docs/diagnosis.md").read_text()
    rows = [row for row in text.split("## What a rise is")[0].splitlines() if row.startswith("|")]
    written = {rule_id for row in rows for rule_id in re.findall(r"`([a-z-]+\.[a-z-]+)`", row)}
    assert written | {"over-confident"} == RULES
    assert {rule for rule, _, _ in CASES} <= RULES


@pytest.mark.parametrize(("rule", "train", "validation"), CASES)
def test_verdicts(rule: str, train: ArrayLike, validation: ArrayLike) -> None:
    assert diagnose(curve(train, validation)).rule == rule


def test_overfitting_reports_its_onset_and_losses() -> None:
    diagnosis = diagnose(curve(falling(0.0), rising_after(30, 2.0)))
    assert (diagnosis.overfitting, diagnosis.kind, diagnosis.severity) == (
        True,
        "past its best",
        "severe",
    )
    assert diagnosis.onset_step == diagnosis.best_step == 30
    assert diagnosis.confidence == "high"
    assert diagnosis.sentence.startswith(
        "Severe overfitting: validation loss was lowest at epoch 30 (0.500) and ends at 2.00 (smoo"
    )
    recorded = [diagnosis.evidence[name] for name in ("train_loss_at_best", "final_train_loss")]
    assert diagnosis.sentence.endswith(
        f"train loss fell from {number(recorded[0])} to {number(recorded[1])}."
    )
    assert "by heart" in diagnosis.learner


@pytest.mark.parametrize("rule", [PAST, "overfitting.gap", "overfitting.from-the-start",
                                  "overfitting.memorised"])  # fmt: skip
def test_each_kind_of_overfitting_has_a_name_a_severity_and_advice(rule: str) -> None:
    train, validation = next((t, v) for case, t, v in CASES if case == rule)
    diagnosis = diagnose(curve(train, validation)).as_dict()
    assert diagnosis["overfitting"] is True
    assert rule == f"overfitting.{slug(str(diagnosis['kind']))}"
    assert str(diagnosis["sentence"]).startswith(f"{str(diagnosis['severity']).capitalize()} ov")
    assert diagnosis["advice"]


def test_a_wide_gap_is_overfitting_that_earlier_stopping_does_not_help() -> None:
    diagnosis = diagnose(curve(falling(0.0), falling(8.2)), reference_loss=32.0)
    assert (diagnosis.kind, diagnosis.severity) == ("gap", "severe")
    assert "Stopping earlier does not help" in diagnosis.sentence
    assert "Early stopping" not in " ".join(diagnosis.advice)


def test_a_gap_of_accuracy_is_never_a_good_fit() -> None:
    train, validation = falling(1.0), falling(1.2)
    right = [Series.of(EPOCHS, np.full(100, share)) for share in (1.0, 0.56)]
    assert diagnose(curve(train, validation)).verdict == "good fit"
    diagnosis = diagnose(curve(train, validation), accuracy=right[1], train_accuracy=right[0])
    assert (diagnosis.kind, diagnosis.severity) == ("gap", "severe")
    assert "100% on the training data and 56% on validation data" in diagnosis.sentence


def test_mild_overfitting_is_not_said_to_be_learnt_by_heart() -> None:
    diagnosis = diagnose(curve(falling(0.1), rising_after(30, 0.57)))
    assert diagnosis.severity == "mild"
    assert diagnosis.sentence.startswith("Mild overfitting: ")
    assert "by heart" not in diagnosis.sentence + diagnosis.learner


def test_a_loss_that_rises_while_train_loss_stays_is_not_overfitting() -> None:
    diagnosis = diagnose(curve([0.711] + [0.693] * 7, [1.35, 1.83, 2.07, 3.0, 6.5, 5.4, 4.4, 2.7]))
    assert diagnosis.verdict == "unstable"


@pytest.mark.parametrize(
    ("validation", "kind"), [([0.32, 0.32, 0.44], "from the start"), ([0.4, 0.5], "from the start")]
)
def test_a_short_history_gets_an_answer_of_low_confidence(
    validation: list[float], kind: str
) -> None:
    diagnosis = diagnose(curve([0.4, 0.2, 0.1][: len(validation)], validation))
    assert (diagnosis.kind, diagnosis.confidence, diagnosis.best_step) == (kind, "low", 1)
    assert any("5 raise the confidence" in check for check in diagnosis.not_checked)


def test_steps_are_those_of_the_log() -> None:
    steps = np.arange(0, 100) / 4
    diagnosis = diagnose(Curve.from_arrays(steps, falling(0.0), rising_after(30, 2.0)))
    assert (diagnosis.best_step, diagnosis.onset_step) == (7.25, 7.25)
    assert "lowest at epoch 7.25" in diagnosis.sentence


def test_nan_where_nothing_was_evaluated_is_a_gap_in_the_record() -> None:
    validation = [x if n % 5 == 0 else math.nan for n, x in enumerate(falling(0.4)[:32])]
    train = falling(0.4)[:32]
    diagnosis = diagnose(Curve.from_arrays(np.arange(32), train, validation))
    assert (diagnosis.verdict, diagnosis.best_step) == ("still improving", 30)


def test_losses_that_are_never_a_number_have_diverged() -> None:
    assert diagnose(curve([math.nan] * 9, [math.nan] * 9)).rule == "diverged.not-finite"


LATE = [0.6, 0.4, 0.34, *[0.335, 0.34, 0.33, 0.335] * 2, 0.33, 0.38, 0.45, 0.6]
IN_ORDER = [1.0, 0.55, 0.57, 0.48, 0.34, 0.27, 0.29, 0.3, 0.33, 0.44]
PLATEAU = np.concatenate([np.full(50, 0.5), np.linspace(0.5, 1.0, 50)])
DIP = [0.65, 0.61, *np.linspace(0.67, 1.1, 28)]


@pytest.mark.parametrize("validation", [LATE, IN_ORDER, PLATEAU, DIP])
def test_a_late_or_short_rise_and_a_rise_after_a_small_fall_count(validation: ArrayLike) -> None:
    losses = np.asarray(validation, float)
    diagnosis = diagnose(curve(falling(0.05, n=len(losses)), losses))
    assert diagnosis.overfitting is True
    assert diagnosis.onset_step == int(losses.argmin()) + 1


def test_a_loss_that_becomes_nan_means_diverged() -> None:
    diagnosis = diagnose(curve([1.0] * 9 + [math.nan], [1.0] * 10))
    assert diagnosis.rule == "diverged.not-finite"
    assert "epoch 10" in diagnosis.sentence


def test_underfitting_is_judged_only_with_a_reference_loss() -> None:
    flat = curve(falling(0.66), falling(0.67))
    assert diagnose(flat, reference_loss=0.69).verdict == "underfitting"
    assert diagnose(flat).verdict == "good fit"
    assert "underfitting" in diagnose(flat).not_checked[0]


def test_noise_alone_is_not_underfitting() -> None:
    mislabelled = curve(falling(0.66), falling(0.35))
    assert diagnose(mislabelled, reference_loss=0.69).verdict == "good fit"


def test_a_single_epoch_is_judged_by_its_losses() -> None:
    assert diagnose(curve([0.68], [0.69]), reference_loss=0.69).verdict == "underfitting"
    assert diagnose(curve([0.0], [8.0]), reference_loss=10.0).kind == "gap"
    assert diagnose(curve([0.1], [0.2]), reference_loss=10.0).verdict == "not assessable"


@pytest.mark.parametrize(("accuracy", "expected"), [(0.9, True), (0.7, False)])
def test_overfitting_loss_with_stable_accuracy_is_over_confidence(
    accuracy: float, expected: bool
) -> None:
    accuracies = {e: min(0.9, 0.5 + e / 50) if e <= 40 else accuracy for e in range(1, 101)}
    diagnosis = diagnose(
        curve(falling(0.0), rising_after(30, 1.5)), accuracy=Series.from_mapping(accuracies)
    )
    assert diagnosis.overfitting is True
    assert [finding.rule for finding in diagnosis.findings] == ["over-confident"] * expected
    assert not any("over-confidence" in check for check in diagnosis.not_checked)


def test_a_constant_accuracy_does_not_indicate_over_confidence() -> None:
    accuracies = dict.fromkeys(range(1, 101), 0.5)
    diagnosis = diagnose(
        curve(falling(0.0), rising_after(30, 1.5)), accuracy=Series.from_mapping(accuracies)
    )
    assert diagnosis.findings == []
    assert "over-confidence: validation accuracy never moves" in diagnosis.not_checked


def test_an_empty_curve_is_not_assessable() -> None:
    diagnosis = diagnose(curve([], []))
    assert (diagnosis.verdict, diagnosis.overfitting, diagnosis.best_step) == (
        "not assessable",
        None,
        None,
    )


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
def test_numbers_have_three_significant_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_pure_noise_is_not_described_as_a_fall() -> None:
    draws = np.random.default_rng(3)
    losses = (np.abs(draws.normal(1, 0.5, 60)) for _ in range(2))
    diagnosis = diagnose(curve(*losses))
    assert diagnosis.rule == "unstable.noisy"
    assert "any fall or rise smaller than that is hidden" in diagnosis.sentence
    assert "fell" not in diagnosis.sentence


def test_the_reported_rise_is_consistent_with_the_reported_losses() -> None:
    noise = np.random.default_rng(1).normal(0, 0.05, 100)
    diagnosis = diagnose(curve(falling(0.05), rising_after(30, 0.9) + noise))
    match = re.search(r"a rise of (\d+)%, from about ([\d.]+) to ([\d.]+)\)", diagnosis.sentence)
    assert match
    percent, low, end = map(float, match.groups())
    assert percent == pytest.approx(100 * (end / low - 1), abs=1)
    assert diagnosis.evidence["rise_since_best"] == pytest.approx(percent / 100, abs=0.006)
    assert diagnosis.evidence["smoothed_best_validation_loss"] == pytest.approx(low, rel=0.01)


def test_a_curve_is_judged_up_to_the_first_nan_of_validation() -> None:
    validation = rising_after(30, 2.0)
    validation[80:] = math.nan
    diagnosis = diagnose(curve(falling(0.05), validation))
    assert diagnosis.rule == "diverged.validation-not-finite"
    assert "from epoch 81 on, while train loss goes on" in diagnosis.sentence
    assert (
        "Until then, severe overfitting: validation loss was lowest at epoch 30"
        in diagnosis.sentence
    )
    assert "learning rate" not in diagnosis.sentence + diagnosis.learner


def test_a_train_loss_that_ends_in_nan_means_diverged() -> None:
    train, validation = falling(0.05), rising_after(30, 2.0)
    train[90:] = validation[80:] = math.nan
    assert diagnose(curve(train, validation)).rule == "diverged.not-finite"
    longer = Series.of(range(1, 102), [*train, math.nan])
    diagnosis = diagnose(Curve.from_series(longer, Series.of(range(1, 101), validation)))
    assert diagnosis.rule == "diverged.not-finite"

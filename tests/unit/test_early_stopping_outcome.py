"""Epochs and loss that early stopping would have saved and cost."""

import math

from backend.diagnosis.stopping_rules import (
    GeneralisationLoss,
    Patience,
    WeightsAt,
    stopping_outcome,
)
from backend.series import Series

VALIDATION = Series.of(range(1, 8), [5.0, 3.0, 2.0, 2.5, 3.0, 1.0, 4.0])
TEST = Series.of(VALIDATION.steps, VALIDATION.values + 10)
NONE = Series.of([], [])


def test_the_outcome_contains_savings_and_cost() -> None:
    outcome = stopping_outcome(Patience(2), VALIDATION, VALIDATION, TEST)
    assert (outcome.epoch, outcome.epochs, outcome.epochs_saved) == (5, 7, 2)
    assert outcome.at_stop == WeightsAt(5, 3.0, 13.0, 2.0)
    assert outcome.restored == WeightsAt(3, 2.0, 12.0, 1.0)
    assert outcome.best == WeightsAt(6, 1.0, 11.0, 0.0)


def test_a_criterion_that_never_fires_saves_nothing() -> None:
    outcome = stopping_outcome(Patience(5), VALIDATION, VALIDATION, NONE)
    assert (outcome.epoch, outcome.epochs_saved) == (None, 0)
    assert outcome.at_stop == WeightsAt(7, 4.0, None, 3.0)
    assert outcome.restored == outcome.best


def test_a_run_without_any_epoch_has_no_outcome() -> None:
    outcome = stopping_outcome(GeneralisationLoss(), NONE, NONE, NONE)
    assert (outcome.epoch, outcome.at_stop, outcome.restored, outcome.best) == (
        None,
        None,
        None,
        None,
    )


def test_a_loss_that_is_not_finite_is_left_out() -> None:
    outcome = stopping_outcome(
        Patience(1), NONE, Series.of([1, 2], [1.0, math.nan]), Series.of([2], [math.nan])
    )
    assert outcome.at_stop == WeightsAt(2, None, None, None)

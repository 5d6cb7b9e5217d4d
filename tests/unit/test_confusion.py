"""Confusion matrix and F1 scores."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score

from backend.analysis.confusion import Confusion, counts_of

GENERATOR = np.random.default_rng(5)
TARGETS = GENERATOR.integers(0, 3, 60)
PREDICTED = np.where(GENERATOR.random(60) < 0.6, TARGETS, GENERATOR.integers(0, 3, 60))
RESULT = Confusion(counts_of(TARGETS, PREDICTED, 4))  # the last class does not occur


def test_the_scores_are_those_of_scikit_learn() -> None:
    assert RESULT.counts[:3, :3].tolist() == confusion_matrix(TARGETS, PREDICTED).tolist()
    assert RESULT.macro_f1 == pytest.approx(f1_score(TARGETS, PREDICTED, average="macro"))


def test_an_absent_class_has_no_score() -> None:
    assert RESULT.f1_scores[3] is None

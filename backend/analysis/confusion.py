"""Counts of true and predicted classes, and the F1 score of each class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.series import Array


@dataclass(frozen=True)
class Confusion:
    """The confusion matrix `counts` [true class, predicted class] of a model."""

    counts: Array

    @property
    def f1_scores(self) -> Sequence[float | None]:
        """The F1 score of each class: 2 TP / (2 TP + FP + FN). None for a class that is absent."""
        right = np.diag(self.counts)
        both = self.counts.sum(axis=0) + self.counts.sum(axis=1)
        return [2 * int(tp) / int(n) if n else None for tp, n in zip(right, both, strict=True)]

    @property
    def macro_f1(self) -> float:
        """The mean F1 score over the classes that occur (as scikit-learn's `f1_score`)."""
        known = [score for score in self.f1_scores if score is not None]
        return sum(known) / len(known)


def counts_of(targets: Array, predicted: Array, classes: int) -> Array:
    """Count the samples of each pair of classes [true class, predicted class]."""
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (targets, predicted), 1)
    return counts

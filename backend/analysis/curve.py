"""A run's train and validation loss over its steps."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

Series = Mapping[int, float]
"""Values by step; a value that is not finite is NaN or infinite."""


@dataclass(frozen=True)
class Curve:
    """Train and validation loss at the steps where both are finite, in ascending order.

    `broken_at` is the first step at which either is not finite, None if there is none.
    """

    steps: Sequence[int]
    train: Sequence[float]
    validation: Sequence[float]
    broken_at: int | None = None

    @classmethod
    def from_series(cls, train: Series, validation: Series) -> Self:
        """Pair two series by step."""
        shared = sorted(train.keys() & validation.keys())
        finite = [s for s in shared if math.isfinite(train[s]) and math.isfinite(validation[s])]
        broken = [
            step
            for series in (train, validation)
            for step, value in series.items()
            if not math.isfinite(value)
        ]
        return cls(
            finite,
            [train[s] for s in finite],
            [validation[s] for s in finite],
            min(broken, default=None),
        )

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def best(self) -> int:
        """Index of the lowest validation loss, the first of equals."""
        return min(range(len(self)), key=self.validation.__getitem__)

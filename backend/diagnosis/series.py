"""One metric of a run over its steps, as arrays: a million values are read in milliseconds."""

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Column:
    """Values [n] at ascending steps [n]; what is no number is NaN."""

    steps: NDArray[np.int64]
    values: NDArray[np.float64]

    @classmethod
    def of(cls, steps: ArrayLike, values: Any) -> Self:
        """Take steps and values that ascend; None stands for NaN."""
        return cls(np.asarray(steps, np.int64), np.asarray(values, np.float64))

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def lowest(self) -> int | None:
        """The step of the lowest finite value, the first of equals; None without any."""
        finite = np.flatnonzero(np.isfinite(self.values))
        return int(self.steps[finite[self.values[finite].argmin()]]) if len(finite) else None

    def at(self, step: int) -> float | None:
        """Return the value at a step; None if there is none, or it is not finite."""
        place = int(self.steps.searchsorted(step))
        if place == len(self) or self.steps[place] != step:
            return None
        value = float(self.values[place])
        return value if math.isfinite(value) else None

    def between(self, first: int | None, last: int | None) -> slice:
        """Return where the steps from `first` to `last` are, None for no end."""
        begin = 0 if first is None else int(self.steps.searchsorted(first))
        end = len(self) if last is None else int(self.steps.searchsorted(last, side="right"))
        return slice(begin, end)

    def paired(self, other: "Column") -> NDArray[np.float64]:
        """Return another column's values at these steps [n], NaN where it has none."""
        if np.array_equal(self.steps, other.steps):
            return other.values
        found = np.full(len(self), np.nan)
        if len(other):
            places = np.minimum(other.steps.searchsorted(self.steps), len(other) - 1)
            there = other.steps[places] == self.steps
            found[there] = other.values[places[there]]
        return found

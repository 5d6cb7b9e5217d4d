"""Made-up loss curves with a known diagnosis.

`CASES` pairs losses with the rule that must match. `curve`, `falling`, `rising_after` build more.
"""

import numpy as np
from numpy.typing import ArrayLike

from backend.diagnosis import Curve
from backend.series import FloatArray as Array

EPOCHS = np.arange(1, 101)


def curve(train: ArrayLike, validation: ArrayLike) -> Curve:
    """Return the curve of two losses [n], at the epochs 1 to n."""
    t, v = np.asarray(train, float), np.asarray(validation, float)
    return Curve.from_arrays(np.arange(1, len(t) + 1), t, v)


def falling(to: float, pace: float = 10, n: int = 100) -> Array:
    """Return a loss [n] that falls from about `to` + 1 to `to`.

    The distance to `to` shrinks by a factor e in each `pace` percent of the epochs.
    """
    return np.asarray(to + np.exp(-100 / n * np.arange(1, n + 1) / pace))


def rising_after(best: float, to: float, n: int = 100, low: float = 0.5) -> Array:
    """Return a loss [n] that falls to `low` at `best` percent of the epochs and rises to `to`."""
    e = np.arange(1, n + 1) * 100 / n
    down, up = low + (1 - e / best) ** 2, low + (to - low) * (e - best) / (100 - best)
    return np.where(e <= best, down, up)


STEP = np.where(EPOCHS < 50, 0.4, 0.0)
# rises from its start, and falls far below it
HUMP = 3 + 4 * np.exp(-(((EPOCHS - 20) / 8) ** 2)) - 2.9 / (1 + np.exp(-(EPOCHS - 45) / 4))
HUMP_AFTER_FALL = HUMP + 5 * np.exp(-EPOCHS / 3)
PAST = "overfitting.past-its-best"
CASES: list[tuple[str, ArrayLike, ArrayLike]] = [
    (PAST, falling(0.1), rising_after(30, 0.7)),
    (PAST, falling(0.1), rising_after(30, 2.0)),
    (PAST, falling(-2.0), rising_after(30, 0.5, low=-0.5)),  # losses below 0
    (PAST, falling(0.0), rising_after(30, 1.0, low=0.0)),  # losses that reach 0
    ("good-fit.settled", falling(0.3), falling(0.4)),
    ("overfitting.gap", falling(0.0, pace=20), falling(0.5)),
    ("overfitting.from-the-start", falling(0.2), 0.8 + EPOCHS / 100),  # as in fine-tuning
    ("good-fit.settled", falling(0.6), falling(0.4)),  # dropout: train above validation
    ("good-fit.settled", falling(-2.0), falling(-1.0)),
    ("good-fit.settled", falling(0.2) + STEP, falling(0.3) + STEP),  # a smaller learning rate
    ("still-improving.falling", falling(0.1, pace=60), falling(0.2, pace=60)),
    ("overfitting.memorised", falling(0.0), 1 + EPOCHS / 100),
    ("double-descent.epoch-wise", falling(0.0, pace=3), HUMP_AFTER_FALL),
    ("late-generalisation.risen-then-fallen", falling(0.0, pace=3), HUMP),
    ("unstable.both-rise", rising_after(30, 1.0), rising_after(30, 1.5)),
    ("underfitting.no-progress", np.full(100, 0.7), np.full(100, 0.7)),
    ("underfitting.hardly-moved", 0.1 * falling(9), 0.1 * falling(9.2)),
    ("diverged.exploded", falling(0.3)[:50].tolist() + [5.0] * 50, [1.0] * 50 + [9.0] * 50),
    ("not-assessable.short", falling(0.0)[:1], falling(0.0)[:1]),
]

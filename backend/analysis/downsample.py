"""Thin a long curve for drawing, keeping what the eye would miss."""

from collections.abc import Sequence

import numpy as np


def downsample(values: Sequence[float | None], max_points: int) -> list[int]:
    """Return the indices, ascending, of at most `max_points` (4 or more) values to keep.

    Both ends are kept, and the lowest and the highest value of each of equally long stretches
    between them, so that the curve's minimum, its spikes and its band stay where they were. None
    stands for a value that is no number; a stretch of nothing else keeps one, to show the gap.
    """
    last = len(values) - 1
    if len(values) <= max_points:
        return list(range(len(values)))
    numbers = np.array(values, dtype=float)  # None becomes NaN
    known = ~np.isnan(numbers)
    lows, highs = np.where(known, numbers, np.inf), np.where(known, numbers, -np.inf)
    stretches = (max_points - 2) // 2
    kept = {0, last}
    for number in range(stretches):
        start = 1 + (last - 1) * number // stretches
        end = 1 + (last - 1) * (number + 1) // stretches
        kept.add(start + int(lows[start:end].argmin()))
        kept.add(start + int(highs[start:end].argmax()))
    return sorted(kept)

"""Thin a long curve for drawing, keeping what the eye would miss."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tsdownsample import MinMaxDownsampler

_LOWEST_AND_HIGHEST = MinMaxDownsampler()  # type: ignore[no-untyped-call]


def downsample(
    values: Sequence[float | None] | NDArray[np.float64],
    max_points: int,
    *,
    at: Sequence[float] | NDArray[np.float64] | None = None,
) -> list[int]:
    """Return the indices, ascending, of at most `max_points` (4 or more) values to keep.

    Both ends are kept, the lowest and the highest value, and those of each of equally long
    stretches between them, so that spikes and the curve's band stay where they were. `at` says
    where the values lie on the axis, ascending, if not evenly: stretches are as long there. None
    stands for a value that is no number; a stretch of nothing else keeps one, as a gap.
    """
    last = len(values) - 1
    if len(values) <= max_points:
        return list(range(len(values)))
    numbers = np.array(values, dtype=float)
    places = [] if at is None else [np.array(at, dtype=float)]
    kept = {0, last}
    if not np.isnan(numbers).all():
        kept |= {int(np.nanargmin(numbers)), int(np.nanargmax(numbers))}
    stretches = (max_points - 4) // 2
    if stretches > 1:  # the library takes no fewer
        kept.update(_LOWEST_AND_HIGHEST.downsample(*places, numbers, n_out=2 * stretches).tolist())
    return sorted(kept)

"""The shape of a line of cells: where loss rises and falls again, beyond what seeds explain."""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.analysis.cells import Cell, RunMeasure
from backend.analysis.intervals import Interval, paired

NOTICEABLE_PEAK = 0.1  # a smaller rise or fall, relative to the loss, makes no peak


@dataclass(frozen=True)
class Peak:
    """The cell `index` of a line lies above an earlier and a later one.

    `rise` and `fall` are relative to the lowest cell on either side. `resolved`: both hold at 95 %
    over the seeds; with one seed that cannot be said.
    """

    index: int
    rise: Interval
    fall: Interval

    @property
    def resolved(self) -> bool:
        """Whether the seeds leave no doubt about rise and fall."""
        return self.rise.resolved and self.fall.resolved


def change(after: Cell, before: Cell, measure: RunMeasure) -> Interval | None:
    """Return how much higher a figure is in `after`, relative, paired by seed."""
    return paired(after.by_seed(measure), before.by_seed(measure))


def peak(line: Sequence[Cell], measure: RunMeasure) -> Peak | None:
    """Return the highest peak inside a line: a rise, then a fall, each NOTICEABLE; or None."""
    means = [cell.mean(measure) for cell in line]
    known = [(i, mean) for i, mean in enumerate(means) if mean is not None]
    found = []
    for place in range(1, len(known) - 1):
        index, height = known[place]
        before, _ = min(known[:place], key=_height)
        after, _ = min(known[place + 1 :], key=_height)
        rise = change(line[index], line[before], measure)
        fall = change(line[index], line[after], measure)
        if rise and fall and min(rise.mean, fall.mean) > NOTICEABLE_PEAK:
            found.append((height, Peak(index, rise, fall)))
    return max(found, key=lambda one: one[0])[1] if found else None


def _height(one: tuple[int, float]) -> float:
    return one[1]

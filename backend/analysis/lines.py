"""Lines of cells that differ in one hyperparameter, and the peaks of a loss along them."""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.analysis.cells import group_by, params_key
from backend.analysis.intervals import Interval
from backend.analysis.measured_cells import Cell, RunMeasure, relative_change
from backend.specification.params import as_number

NOTICEABLE_PEAK = 0.1  # relative rise and fall of the loss: below it, a peak does not count
CellLine = Sequence[Cell]
"""Cells in ascending order of one hyperparameter, equal in all others."""


def lines(cells: Sequence[Cell], along: str) -> list[CellLine]:
    """Return the lines of two or more cells along a hyperparameter."""
    groups = group_by(
        (cell for cell in cells if along in cell.params),
        lambda cell: params_key(cell.params, without=(along,)),
    )
    ordered = [sorted(group, key=lambda cell: as_number(cell.params[along])) for group in groups]
    return [line for line in ordered if len(line) > 1]


@dataclass(frozen=True)
class Peak:
    """The cell `index` of a line, whose loss is above that of an earlier and a later cell.

    `rise` and `fall` are relative to the lowest cell on either side. `resolved` is True if both
    hold at 95 % over the seeds, which one seed never shows.
    """

    index: int
    rise: Interval
    fall: Interval

    @property
    def resolved(self) -> bool:
        """Return whether the seeds leave no doubt about rise and fall."""
        return self.rise.resolved and self.fall.resolved


def peak(line: CellLine, measure: RunMeasure) -> Peak | None:
    """Return the highest peak inside a line whose rise and fall both exceed NOTICEABLE_PEAK."""
    means = [(index, cell.mean(measure)) for index, cell in enumerate(line)]
    known = [(index, mean) for index, mean in means if mean is not None]
    peaks = []
    for place in range(1, len(known) - 1):
        index, height = known[place]
        before, _ = min(known[:place], key=_height)
        after, _ = min(known[place + 1 :], key=_height)
        rise = relative_change(line[index], line[before], measure)
        fall = relative_change(line[index], line[after], measure)
        if rise and fall and min(rise.mean, fall.mean) > NOTICEABLE_PEAK:
            peaks.append((height, Peak(index, rise, fall)))
    return max(peaks, key=lambda entry: entry[0])[1] if peaks else None


def _height(entry: tuple[int, float]) -> float:
    return entry[1]

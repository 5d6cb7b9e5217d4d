"""Cells with the results of their runs: losses at the best and last epoch, means over seeds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, isfinite, log

from backend.analysis.cells import N_TRAIN, SEED, cell_key, group_by, lines_along
from backend.analysis.intervals import Interval, interval, paired
from backend.series import generalisation_gap
from backend.specification.params import Params, ParamValue, as_number

# Train loss over the loss of a constant answer: above UNTRAINED, a seed learnt nothing; below
# LEARNT, the model of the cell can learn.
UNTRAINED, LEARNT = 0.95, 0.5
# Seeds fall into two groups if the losses of the groups differ by this factor, and by this many
# times the width of the wider group.
APART_FACTOR, APART_WIDTHS = 2.0, 4.0
MIN_SEEDS_TO_PART = 3


@dataclass(frozen=True)
class PartLosses:
    """Losses of one run at one epoch; None where there is no finite value."""

    train: float | None
    validation: float | None
    test: float | None


@dataclass(frozen=True)
class RunResult:
    """Results of one run that has ended.

    `best` holds the losses at the epoch of the lowest validation loss, `final` those at the last
    epoch. `reached` maps some numbers of epochs to the lowest validation loss within them. `errors`
    are the shares of wrong answers at the last epoch (classification). `outputs` is the number of
    values to fit per sample: classes, or regression targets.
    """

    params: Params
    parameters: int
    epochs: int
    best_epoch: int
    best: PartLosses
    final: PartLosses
    reference_loss: float | None = None
    errors: PartLosses | None = None
    outputs: int = 1
    reached: Mapping[int, float] = field(default_factory=dict)

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return int(as_number(self.params.get(SEED, 0)))

    @property
    def gap(self) -> float | None:
        """The generalisation gap at the last epoch."""
        return generalisation_gap(self.final.train, self.final.validation)

    @property
    def cost_of_not_stopping(self) -> float | None:
        """Relative rise of the validation loss from its lowest value to the last epoch."""
        last, lowest = self.final.validation, self.best.validation
        return None if last is None or not lowest or lowest < 0 else (last - lowest) / lowest


RunMeasure = Callable[[RunResult], float | None]


def best_validation(run: RunResult) -> float | None:
    """The lowest validation loss of a run."""
    return run.best.validation


def test_at_best(run: RunResult) -> float | None:
    """The test loss at the epoch of the lowest validation loss."""
    return run.best.test


def train_at_best(run: RunResult) -> float | None:
    """The train loss at the epoch of the lowest validation loss."""
    return run.best.train


@dataclass(frozen=True)
class Cell:
    """Runs that differ only in their seed. `params` has no seed.

    `parameters` is the number of weights of the model, 0 if it is unknown.
    """

    params: Params
    parameters: int
    runs: Sequence[RunResult]

    @property
    def n_train(self) -> int:
        """Number of training samples, 0 if it is unknown."""
        size = self.params.get(N_TRAIN)
        return int(as_number(size)) if size is not None else 0

    def over_seeds(self, measure: RunMeasure) -> Interval | None:
        """Return the mean and interval of a measure over the seeds."""
        return interval(measure(run) for run in self.runs)

    def by_seed(self, measure: RunMeasure) -> dict[int, float]:
        """Return the finite values of a measure by seed."""
        values = {run.seed: measure(run) for run in self.runs}
        return {seed: x for seed, x in values.items() if x is not None and isfinite(x)}

    def mean(self, measure: RunMeasure) -> float | None:
        """Return the mean of a measure over the seeds."""
        mean = self.over_seeds(measure)
        return None if mean is None else mean.mean


def cells(runs: Sequence[RunResult]) -> list[Cell]:
    """Group runs into cells, in the order of the first run of each.

    Variants may have the same hyperparameters. If their runs share a seed as well, the first run
    counts.
    """
    grouped = []
    for group in group_by(runs, lambda run: cell_key(run.params)):
        by_seed: dict[int, RunResult] = {}
        for run in group:
            by_seed.setdefault(run.seed, run)
        params: dict[str, ParamValue] = {**group[0].params}
        params.pop(SEED, None)
        grouped.append(Cell(params, group[0].parameters, list(by_seed.values())))
    return grouped


def relative_change(after: Cell, before: Cell, measure: RunMeasure) -> Interval | None:
    """Return how much higher a measure is in `after` than in `before`, paired by seed."""
    return paired(after.by_seed(measure), before.by_seed(measure))


def untrained(cell: Cell) -> int:
    """Return how many seeds of a cell learnt little more than a constant answer.

    Returns 0 if no seed learnt much, because then the model is the reason and not the seed.
    """
    shares = [share for run in cell.runs if (share := _share_of_constant(run)) is not None]
    stuck = sum(share > UNTRAINED for share in shares)
    return stuck if stuck == len(shares) or min(shares) < LEARNT else 0


def _share_of_constant(run: RunResult) -> float | None:
    """Return the last train loss over the loss of a constant answer."""
    if not run.reference_loss or run.final.train is None:
        return None
    return run.final.train / run.reference_loss


def parted(cell: Cell) -> tuple[float, float] | None:
    """Return the typical losses of the two groups of a cell's seeds, None if they form one group.

    The logarithms of the lowest validation losses are split at the largest step between
    neighbours. The typical loss of a group is its geometric mean.
    """
    losses = sorted(cell.by_seed(best_validation).values())
    if len(losses) < MIN_SEEDS_TO_PART or losses[0] <= 0:
        return None
    logs = [log(loss) for loss in losses]
    cut = max(range(1, len(logs)), key=lambda at: logs[at] - logs[at - 1])
    low, high = logs[:cut], logs[cut:]
    step, widest = high[0] - low[-1], max(low[-1] - low[0], high[-1] - high[0])
    if step < log(APART_FACTOR) or step < APART_WIDTHS * widest:
        return None
    return exp(sum(low) / len(low)), exp(sum(high) / len(high))


NOTICEABLE_PEAK = 0.1  # relative rise and fall of the loss: below it, a peak does not count
CellLine = Sequence[Cell]
"""Cells in ascending order of one hyperparameter, equal in all others."""


def lines(cells: Sequence[Cell], along: str) -> list[CellLine]:
    """Return the lines of two or more cells along a hyperparameter."""
    measured = (cell for cell in cells if along in cell.params)
    ordered = lines_along(measured, lambda cell: cell.params, along)
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
    for middle in range(1, len(known) - 1):
        index, height = known[middle]
        before, _ = min(known[:middle], key=_height)
        after, _ = min(known[middle + 1 :], key=_height)
        rise = relative_change(line[index], line[before], measure)
        fall = relative_change(line[index], line[after], measure)
        if rise and fall and min(rise.mean, fall.mean) > NOTICEABLE_PEAK:
            peaks.append((height, Peak(index, rise, fall)))
    return max(peaks, key=lambda entry: entry[0])[1] if peaks else None


def _height(entry: tuple[int, float]) -> float:
    return entry[1]

"""The cells of a grid: the runs that differ only in their seed, with what they measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from math import exp, isfinite, log
from typing import Any

from backend.analysis.intervals import Interval, interval

SEED = "training.seed"
N_TRAIN = "dataset.n_train"
CAPACITY = ("model.degree", "model.width", "model.channels", "model.depth")

Params = Mapping[str, Any]


@dataclass(frozen=True)
class PartLosses:
    """Losses of one run at one epoch; None where there is no finite value."""

    train: float | None
    validation: float | None
    test: float | None


@dataclass(frozen=True)
class RunResult:
    """What one run that has ended measured.

    `best` is taken at the epoch of the lowest validation loss, `final` at the last epoch;
    `reached` holds the lowest validation loss within so many epochs, for some numbers of epochs.
    `errors` are the shares of wrong answers at the last epoch (classification). `outputs` are the
    numbers to fit of one sample: classes, or regressed values.
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
        """The run's seed."""
        return int(self.params.get(SEED, 0))

    @property
    def gap(self) -> float | None:
        """Validation loss minus train loss at the last epoch."""
        if self.final.validation is None or self.final.train is None:
            return None
        return self.final.validation - self.final.train

    @property
    def cost_of_not_stopping(self) -> float | None:
        """How far validation loss ends above its lowest value, relative to that."""
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
    """Runs that differ only in their seed. `params` has no seed; `parameters` is their number."""

    params: Params
    parameters: int
    runs: Sequence[RunResult]

    @property
    def n_train(self) -> int:
        """Number of training samples."""
        return int(self.params[N_TRAIN])

    def over_seeds(self, measure: RunMeasure) -> Interval | None:
        """Return the mean and interval of a figure over the seeds."""
        return interval(measure(run) for run in self.runs)

    def by_seed(self, measure: RunMeasure) -> dict[int, float]:
        """Return a figure by seed, where it is finite."""
        values = {run.seed: measure(run) for run in self.runs}
        return {seed: x for seed, x in values.items() if x is not None and isfinite(x)}

    def mean(self, measure: RunMeasure) -> float | None:
        """Return the mean of a figure over the seeds."""
        found = self.over_seeds(measure)
        return None if found is None else found.mean


def cells(runs: Sequence[RunResult]) -> list[Cell]:
    """Group runs that differ only in their seed, in the order of the first of each.

    Of runs that are alike (variants may be), the first counts: another is no further seed.
    """
    groups: dict[tuple[tuple[str, Any], ...], dict[int, RunResult]] = {}
    for run in runs:
        groups.setdefault(key(run.params, without=(SEED,)), {}).setdefault(run.seed, run)
    return [
        Cell({k: v for k, v in of.items() if k != SEED}, group[0].parameters, group)
        for group in (list(by_seed.values()) for by_seed in groups.values())
        for of in [group[0].params]
    ]


def key(params: Params, *, without: Sequence[str]) -> tuple[tuple[str, Any], ...]:
    """Return params as a key, leaving some out."""
    return tuple(sorted((path, value) for path, value in params.items() if path not in without))


def lines(found: Sequence[Cell], along: str) -> list[list[Cell]]:
    """Return the cells that differ only in the knob `along`, ascending, where two or more do."""
    groups: dict[tuple[tuple[str, Any], ...], list[Cell]] = {}
    for cell in found:
        if along in cell.params:
            groups.setdefault(key(cell.params, without=(along,)), []).append(cell)
    ordered = [sorted(group, key=lambda cell: cell.params[along]) for group in groups.values()]
    return [group for group in ordered if len(group) > 1]


def varying_cells(found: Sequence[Cell]) -> dict[str, list[Any]]:
    """Return the knobs with more than one value among the cells, each with its values."""
    return varying_params([cell.params for cell in found])


def varying_params(given: Sequence[Params]) -> dict[str, list[Any]]:
    """Return the knobs with more than one value among params, each with its values.

    That a knob does not apply to some is no value of its own.
    """
    found: dict[str, dict[Any, None]] = {}
    for params in given:
        for path, value in params.items():
            found.setdefault(path, {})[value] = None
    return {path: list(values) for path, values in found.items() if len(values) > 1}


def settings(given: Sequence[Params], along: Sequence[str]) -> list[dict[str, Any]]:
    """Return the different values of the varying knobs but those in `along`, in their order."""
    knobs = [path for path in unequal(given) if path not in (SEED, *along)]
    found = dict.fromkeys(tuple(setting(params, knobs).items()) for params in given)
    return [dict(one) for one in found]


def unequal(given: Sequence[Params]) -> list[str]:
    """Return the knobs that are not the same in all params, or not in all, in their order."""
    shared = set.intersection(*(set(params.items()) for params in given)) if given else set()
    same = {path for path, _ in shared}
    return [path for path in dict.fromkeys(chain.from_iterable(given)) if path not in same]


def setting(params: Params, knobs: Sequence[str]) -> dict[str, Any]:
    """Return those of `knobs` that `params` has: what tells one line of cells from another."""
    return {path: params[path] for path in knobs if path in params}


UNTRAINED = 0.95  # of the loss of always giving the same answer: nothing was learnt
LEARNT = 0.5  # of it: another seed shows that the model can
APART = 2.0  # times: losses of two groups of seeds differ at least so much
WITHIN = 4.0  # the step between two groups is so many times the widest group
LEAST_SEEDS = 3


def untrained(cell: Cell) -> int:
    """Return how many seeds learnt little more than to give always the same answer.

    Where some did and none learnt much, it is the model that can do no more: 0.
    """
    shares = [share for run in cell.runs if (share := _of_constant(run)) is not None]
    stuck = sum(share > UNTRAINED for share in shares)
    return stuck if stuck == len(shares) or min(shares) < LEARNT else 0


def _of_constant(run: RunResult) -> float | None:
    """Return the last train loss over that of always giving the same answer."""
    if not run.reference_loss or run.final.train is None:
        return None
    return run.final.train / run.reference_loss


def parted(cell: Cell) -> tuple[float, float] | None:
    """Return the typical losses of the two groups that a cell's seeds fall into; None if one.

    The lowest validation losses are cut at the largest step between neighbours, in the logarithm;
    two groups need a step of APART, WITHIN times as wide as the wider group. Geometric means.
    """
    found = sorted(cell.by_seed(best_validation).values())
    if len(found) < LEAST_SEEDS or found[0] <= 0:
        return None
    logs = [log(loss) for loss in found]
    cut = max(range(1, len(logs)), key=lambda at: logs[at] - logs[at - 1])
    low, high = logs[:cut], logs[cut:]
    step, widest = high[0] - low[-1], max(low[-1] - low[0], high[-1] - high[0])
    if step < log(APART) or step < WITHIN * widest:
        return None
    return exp(sum(low) / len(low)), exp(sum(high) / len(high))

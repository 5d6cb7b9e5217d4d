"""Variants against a baseline: differences paired by seed, with Student's intervals.

Runs of one seed share their data, their initial weights' stream and their held-out parts, so a
difference within a seed is free of what seeds differ in (a matched pair). Where variants multiply
with axes, a pair is of one cell and one seed, and a seed counts once, with its mean over the cells:
cells of a seed share its data, and are no further evidence. The choice is made by validation loss;
test differences are only reported, and are not biased by that choice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, sqrt
from statistics import fmean, stdev

from backend.analysis.intervals import LEVEL, student_t

LEAST_PAIRS = 2
CHOICE = "val_loss"
RANKING = "test_loss"

JudgedLosses = Mapping[str, float]
"""Metrics of one run at the epoch at which it is judged, such as ``{"val_loss": 0.4}``."""


Pair = tuple[int, int]
"""A cell and a seed: what two runs that are compared have in common."""


@dataclass(frozen=True)
class RunOutcome:
    """What a variant's run of one seed came to; `losses` is None when it failed or goes on.

    `cell` numbers the values of the axes that it was trained at.
    """

    seed: int
    losses: JudgedLosses | None
    epochs: int
    ended: bool = True
    cell: int = 0


@dataclass(frozen=True)
class Arm:
    """One variant (as in a trial: an arm): each seed's outcome, and what one model costs.

    `parameters` and `n_train` are None where its cells differ in them.
    """

    name: str
    parameters: int | None
    n_train: int | None
    outcomes: Sequence[RunOutcome]

    @property
    def epochs(self) -> float:
        """Mean number of epochs trained."""
        return fmean([each.epochs for each in self.outcomes]) if self.outcomes else 0.0

    @property
    def broken(self) -> int:
        """Runs that ended without a loss."""
        return sum(each.ended and each.losses is None for each in self.outcomes)

    def by_pair(self, metric: str) -> dict[Pair, float]:
        """Return the finite values of a metric by cell and seed."""
        return {
            (each.cell, each.seed): each.losses[metric]
            for each in self.outcomes
            if each.losses is not None and isfinite(each.losses.get(metric, float("nan")))
        }

    def by_seed(self, metric: str) -> dict[int, float]:
        """Return the finite values of a metric, each seed's mean over its cells."""
        return _by_seed(self.by_pair(metric))


@dataclass(frozen=True)
class Difference:
    """Mean paired difference to the baseline and its 95 % intervals, None with fewer than 2 pairs.

    `low` to `high` holds for this difference alone; `joint_low` to `joint_high` for all variants
    of the comparison together (Bonferroni: each at level 1 - 0.05 / m). In units of the metric.
    """

    mean: float
    pairs: int
    low: float | None = None
    high: float | None = None
    joint_low: float | None = None
    joint_high: float | None = None

    @property
    def resolved(self) -> bool:
        """Whether the interval that allows for several comparisons leaves out zero."""
        if self.joint_low is None or self.joint_high is None:
            return False
        return self.joint_low > 0 or self.joint_high < 0


@dataclass(frozen=True)
class VariantEffect:
    """One variant beside the baseline. `differences` maps a metric to its paired difference.

    `cost` is training arithmetic over the baseline's: parameters times samples times epochs; None
    where cells differ in these. In `lower` of `cells` cells the mean validation loss is lower.
    """

    arm: Arm
    means: Mapping[str, float]
    differences: Mapping[str, Difference] = field(default_factory=dict)
    cost: float | None = None
    cells: int = 0
    lower: int = 0


@dataclass(frozen=True)
class Comparison:
    """The baseline and the other variants, the lowest test loss first; `chosen` by validation."""

    baseline: VariantEffect
    effects: Sequence[VariantEffect]
    chosen: VariantEffect | None
    seeds: int

    @property
    def complete(self) -> bool:
        """Whether every run has ended."""
        everyone = (self.baseline, *self.effects)
        return all(each.ended for one in everyone for each in one.arm.outcomes)


def compare(arms: Sequence[Arm]) -> Comparison:
    """Compare variants with the first, the baseline, over the seeds that both have ended."""
    first, *others = arms
    effects = [_effect(arm, first, len(others)) for arm in others]
    ranked = sorted(effects, key=_rank)
    baseline = VariantEffect(first, _means(first), cost=1.0)
    seeds = {each.seed for each in first.outcomes}
    return Comparison(baseline, ranked, _chosen(baseline, ranked), len(seeds))


def paired(values: Mapping[int, float], base: Mapping[int, float], comparisons: int) -> Difference:
    """Return the mean of value minus base over shared seeds; ValueError if there are none.

    Interval: mean +- t(n - 1) s / sqrt(n) over the n differences (Student 1908), once at level
    0.95 and once at 1 - 0.05 / `comparisons` (Dunn 1961).
    """
    found = [values[seed] - base[seed] for seed in sorted(values.keys() & base.keys())]
    if not found:
        raise ValueError("no seed is in both")
    mean, n = fmean(found), len(found)
    if n < LEAST_PAIRS:
        return Difference(mean, n)
    error = stdev(found) / sqrt(n)
    alone, joint = (
        student_t(n - 1, 1 - (1 - LEVEL) / many) * error for many in (1, max(1, comparisons))
    )
    return Difference(mean, n, mean - alone, mean + alone, mean - joint, mean + joint)


def _effect(arm: Arm, baseline: Arm, comparisons: int) -> VariantEffect:
    means = _means(arm)
    differences = {}
    for metric in means:
        mine, theirs = arm.by_pair(metric), baseline.by_pair(metric)
        if shared := mine.keys() & theirs.keys():
            after, before = (_by_seed({pair: of[pair] for pair in shared}) for of in (mine, theirs))
            differences[metric] = paired(after, before, comparisons)
    spent, usual = _arithmetic(arm), _arithmetic(baseline)
    changes = _by_cell(arm, baseline)
    return VariantEffect(
        arm, means, differences, spent / usual if spent is not None and usual else None,
        len(changes), sum(change < 0 for change in changes.values()),
    )  # fmt: skip


def _by_seed(values: Mapping[Pair, float]) -> dict[int, float]:
    groups: dict[int, list[float]] = {}
    for (_, seed), value in sorted(values.items()):
        groups.setdefault(seed, []).append(value)
    return {seed: fmean(found) for seed, found in groups.items()}


def _by_cell(arm: Arm, baseline: Arm) -> dict[int, float]:
    """Return each cell's mean difference in validation loss."""
    mine, theirs = arm.by_pair(CHOICE), baseline.by_pair(CHOICE)
    groups: dict[int, list[float]] = {}
    for cell, seed in mine.keys() & theirs.keys():
        groups.setdefault(cell, []).append(mine[cell, seed] - theirs[cell, seed])
    return {cell: fmean(found) for cell, found in groups.items()}


def _means(arm: Arm) -> dict[str, float]:
    metrics = dict.fromkeys(key for each in arm.outcomes for key in each.losses or {})
    found = {metric: list(arm.by_pair(metric).values()) for metric in metrics}
    return {metric: fmean(values) for metric, values in found.items() if values}


def _arithmetic(arm: Arm) -> float | None:
    if arm.parameters is None or arm.n_train is None:
        return None
    return arm.parameters * arm.n_train * arm.epochs


def _rank(effect: VariantEffect) -> tuple[bool, float]:
    difference = effect.differences.get(RANKING)
    return difference is None, difference.mean if difference else 0.0


def _chosen(baseline: VariantEffect, effects: Sequence[VariantEffect]) -> VariantEffect | None:
    """Return what has the lowest mean validation loss among those no run of which broke."""
    sound = [each for each in effects if not each.arm.broken and CHOICE in each.means]
    if lost(baseline):
        return min(sound, key=lambda each: each.means[CHOICE], default=None)
    sound = [each for each in sound if CHOICE in each.differences]
    if CHOICE not in baseline.means:
        return None
    best = min(sound, key=lambda each: each.differences[CHOICE].mean, default=None)
    return best if best and best.differences[CHOICE].mean < 0 else baseline


def lost(effect: VariantEffect) -> bool:
    """Whether every run of a variant has ended and none with a validation loss."""
    return CHOICE not in effect.means and all(each.ended for each in effect.arm.outcomes)

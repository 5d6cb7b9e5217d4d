"""Variants against a baseline: differences paired by seed, with Student's intervals.

Runs of one seed share their data, their held-out parts and the random stream of their initial
weights. A difference within a seed (a matched pair) is therefore free of the differences between
seeds. If variants are multiplied with axes, a pair has the same cell and seed. Each seed counts
once, with its mean over the cells: cells of a seed share its data and are not further evidence. The
choice is made by validation loss. Test differences are only reported, and that choice does not bias
them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, sqrt
from statistics import fmean, stdev

from backend.analysis.intervals import LEVEL, student_t

LEAST_PAIRS = 2  # for an interval
CHOICE = "val_loss"  # decides which variant is chosen
RANKING = "test_loss"  # orders the variants

JudgedLosses = Mapping[str, float]
"""Metrics of one run at the epoch at which it is judged, such as ``{"val_loss": 0.4}``."""


CellSeed = tuple[int, int]
"""The cell and the seed that two compared runs have in common."""


@dataclass(frozen=True)
class RunOutcome:
    """The outcome of a variant's run with one seed.

    `losses` is None if the run failed or has not ended. `cell` is the number of its cell.
    """

    seed: int
    losses: JudgedLosses | None
    epochs: int
    ended: bool = True
    cell: int = 0


@dataclass(frozen=True)
class Arm:
    """One variant, like an arm of a clinical trial: the outcome of each run, and a model's cost.

    `parameters` and `n_train` are None if the cells differ in them.
    """

    name: str
    parameters: int | None
    n_train: int | None
    outcomes: Sequence[RunOutcome]

    @property
    def epochs(self) -> float:
        """Mean number of epochs trained."""
        return fmean([run.epochs for run in self.outcomes]) if self.outcomes else 0.0

    @property
    def broken(self) -> int:
        """Number of runs that ended without a loss."""
        return sum(run.ended and run.losses is None for run in self.outcomes)

    def by_pair(self, metric: str) -> dict[CellSeed, float]:
        """Return the finite values of a metric by cell and seed."""
        return {
            (run.cell, run.seed): run.losses[metric]
            for run in self.outcomes
            if run.losses is not None and isfinite(run.losses.get(metric, float("nan")))
        }

    def by_seed(self, metric: str) -> dict[int, float]:
        """Return the finite values of a metric by seed, as means over the cells."""
        return _mean_by_seed(self.by_pair(metric))


@dataclass(frozen=True)
class PairedDifference:
    """Mean paired difference to the baseline, in units of the metric, with 95 % intervals.

    `low` to `high` holds for this difference alone, `joint_low` to `joint_high` for all m variants
    of the comparison together (Bonferroni: each at level 1 - 0.05 / m). They are None with fewer
    than two pairs.
    """

    mean: float
    pairs: int
    low: float | None = None
    high: float | None = None
    joint_low: float | None = None
    joint_high: float | None = None

    @property
    def is_none(self) -> bool:
        """Return whether every pair has the same value, as if both were the same model."""
        return self.joint_low == self.joint_high == 0

    @property
    def resolved(self) -> bool:
        """Return whether the joint interval excludes 0."""
        if self.joint_low is None or self.joint_high is None:
            return False
        return self.joint_low > 0 or self.joint_high < 0


@dataclass(frozen=True)
class VariantEffect:
    """One variant compared with the baseline; `differences` are by metric.

    `cost` is the training arithmetic (parameters times samples times epochs) over the baseline's,
    None if the cells differ in these. In `lower` of `cells` cells, the mean validation loss is
    lower than the baseline's.
    """

    arm: Arm
    means: Mapping[str, float]
    differences: Mapping[str, PairedDifference] = field(default_factory=dict)
    cost: float | None = None
    cells: int = 0
    lower: int = 0


@dataclass(frozen=True)
class Comparison:
    """The baseline, the other variants by test loss, and the variant chosen by validation."""

    baseline: VariantEffect
    effects: Sequence[VariantEffect]
    chosen: VariantEffect | None
    seeds: int

    @property
    def complete(self) -> bool:
        """Return whether every run has ended."""
        variants = (self.baseline, *self.effects)
        return all(run.ended for variant in variants for run in variant.arm.outcomes)


def compare(arms: Sequence[Arm]) -> Comparison:
    """Compare variants with the first, the baseline, over the seeds that have ended in both."""
    first, *others = arms
    effects = [_effect(arm, first, len(others)) for arm in others]
    ranked = sorted(effects, key=_rank)
    baseline = VariantEffect(first, _means(first), cost=1.0)
    seeds = {run.seed for run in first.outcomes}
    return Comparison(baseline, ranked, _chosen(baseline, ranked), len(seeds))


def paired(
    values: Mapping[int, float], base: Mapping[int, float], comparisons: int
) -> PairedDifference:
    """Return the mean difference of values to a base over shared seeds.

    The intervals are mean +- t(n - 1) s / sqrt(n) over the n differences (Student 1908), one at
    level 0.95 and one at 1 - 0.05 / `comparisons` (Dunn 1961). Raises ValueError without a shared
    seed.
    """
    differences = [values[seed] - base[seed] for seed in sorted(values.keys() & base.keys())]
    if not differences:
        raise ValueError("no seed is in both")
    mean, n = fmean(differences), len(differences)
    if n < LEAST_PAIRS:
        return PairedDifference(mean, n)
    error = stdev(differences) / sqrt(n)
    alone, joint = (
        student_t(n - 1, 1 - (1 - LEVEL) / many) * error for many in (1, max(1, comparisons))
    )
    return PairedDifference(mean, n, mean - alone, mean + alone, mean - joint, mean + joint)


def _effect(arm: Arm, baseline: Arm, comparisons: int) -> VariantEffect:
    means = _means(arm)
    differences = {}
    for metric in means:
        both = arm.by_pair(metric), baseline.by_pair(metric)
        if shared := both[0].keys() & both[1].keys():
            after, before = (_mean_by_seed({pair: v[pair] for pair in shared}) for v in both)
            differences[metric] = paired(after, before, comparisons)
    cost, base_cost = _arithmetic(arm), _arithmetic(baseline)
    changes = _changes_by_cell(arm, baseline)
    return VariantEffect(
        arm, means, differences, cost / base_cost if cost is not None and base_cost else None,
        len(changes), sum(change < 0 for change in changes.values()),
    )  # fmt: skip


def _mean_by_seed(values: Mapping[CellSeed, float]) -> dict[int, float]:
    groups: dict[int, list[float]] = {}
    for (_, seed), value in sorted(values.items()):
        groups.setdefault(seed, []).append(value)
    return {seed: fmean(group) for seed, group in groups.items()}


def _changes_by_cell(arm: Arm, baseline: Arm) -> dict[int, float]:
    """Return the mean difference in validation loss of each cell."""
    values, base = arm.by_pair(CHOICE), baseline.by_pair(CHOICE)
    groups: dict[int, list[float]] = {}
    for cell, seed in values.keys() & base.keys():
        groups.setdefault(cell, []).append(values[cell, seed] - base[cell, seed])
    return {cell: fmean(group) for cell, group in groups.items()}


def _means(arm: Arm) -> dict[str, float]:
    metrics = dict.fromkeys(key for run in arm.outcomes for key in run.losses or {})
    values = {metric: list(arm.by_pair(metric).values()) for metric in metrics}
    return {metric: fmean(some) for metric, some in values.items() if some}


def _arithmetic(arm: Arm) -> float | None:
    if arm.parameters is None or arm.n_train is None:
        return None
    return arm.parameters * arm.n_train * arm.epochs


def _rank(effect: VariantEffect) -> tuple[bool, float]:
    difference = effect.differences.get(RANKING)
    return difference is None, difference.mean if difference else 0.0


def _chosen(baseline: VariantEffect, effects: Sequence[VariantEffect]) -> VariantEffect | None:
    """Return the variant with the lowest mean validation loss, among those without failed runs."""
    sound = [effect for effect in effects if not effect.arm.broken and CHOICE in effect.means]
    if has_failed(baseline):
        return min(sound, key=lambda effect: effect.means[CHOICE], default=None)
    sound = [effect for effect in sound if CHOICE in effect.differences]
    if CHOICE not in baseline.means:
        return None
    best = min(sound, key=lambda effect: effect.differences[CHOICE].mean, default=None)
    return best if best and best.differences[CHOICE].mean < 0 else baseline


def has_failed(effect: VariantEffect) -> bool:
    """Return whether all runs of a variant have ended without a validation loss."""
    return CHOICE not in effect.means and all(run.ended for run in effect.arm.outcomes)

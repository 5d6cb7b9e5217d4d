"""The result of a comparison of variants, in sentences."""

from math import isclose, sqrt

from backend.analysis.comparison import (
    RANKING,
    Comparison,
    PairedDifference,
    VariantEffect,
    has_failed,
)
from backend.analysis.intervals import student_t
from backend.diagnosis.number_format import number

ACCURACY = "test_accuracy"
POWER_80 = 0.8416  # standard normal quantile at 0.8
MAX_SEEDS = 100  # more seeds are not suggested
MAX_NAMED = 3  # variants that a sentence names one by one


def in_words(comparison: Comparison) -> str:
    """Describe the choice by validation, its test result, and the seeds that would resolve more."""
    sentences = (_choice(comparison), _accuracies(comparison), _next_step(comparison))
    return " ".join(sentence for sentence in sentences if sentence)


def seeds_needed(difference: PairedDifference, comparisons: int) -> int | None:
    """Return how many seeds would resolve a difference of the measured size with power 80 %.

    The smallest n <= `MAX_SEEDS` with n >= ((t + z) s / d)^2, where d is the mean paired
    difference, s its standard deviation over seeds, z the normal quantile of the power and t
    Student's with n - 1 degrees of freedom at level 1 - 0.05 / `comparisons` (Rosner 1995,
    Fundamentals of Biostatistics, p. 221; t for the normal quantile as in Dupont & Plummer 1990).
    Returns None if more are needed. Raises ValueError for a difference without an interval.
    """
    if difference.high is None:
        raise ValueError("one seed tells nothing of the spread")
    half = (difference.high - difference.mean) / student_t(difference.pairs - 1)
    spread = half * sqrt(difference.pairs)
    level = 1 - 0.05 / max(1, comparisons)
    for n in range(2, MAX_SEEDS + 1):
        if sqrt(n) * abs(difference.mean) >= (student_t(n - 1, level) + POWER_80) * spread:
            return n
    return None


def _next_step(comparison: Comparison) -> str:
    """Describe how many seeds would resolve the choice, or the clearest change if none helps."""
    chosen, effects = comparison.chosen, comparison.effects
    if chosen is not None and chosen is not comparison.baseline:
        effects = [chosen]
    differences = [
        effect.differences[RANKING] for effect in effects if RANKING in effect.differences
    ]
    differences = [difference for difference in differences if difference.mean != 0]
    unresolved = [
        difference
        for difference in differences
        if difference.high is not None and not difference.resolved
    ]
    if not unresolved or len(unresolved) < len(differences) or chosen is None:
        return ""
    needed = [seeds_needed(difference, len(comparison.effects)) for difference in unresolved]
    fewest = min((n for n in needed if n is not None), default=None)
    many = f"more than {MAX_SEEDS}" if fewest is None else f"about {fewest}"
    which = "a difference" if len(effects) == 1 else "the clearest of the differences"
    none = "" if len(effects) == 1 else "No difference in test loss is resolved. "
    return f"{none}To tell {which} of this size, {many} seeds are needed (power 80 %)."


def _accuracies(comparison: Comparison) -> str:
    """Name the variants whose accuracy is resolved while their loss is not."""
    resolved = [effect for effect in comparison.effects if _only_accuracy(effect)]
    if not resolved:
        return ""
    names = [
        f"{_quoted(effect)} {100 * effect.differences[ACCURACY].mean:+.1f} points"
        for effect in resolved[:MAX_NAMED]
    ]
    more = f" and {len(resolved) - MAX_NAMED} more" if len(resolved) > MAX_NAMED else ""
    return f"The difference in test accuracy is resolved, though: {', '.join(names)}{more}."


def _only_accuracy(effect: VariantEffect) -> bool:
    accuracy, loss = (effect.differences.get(metric) for metric in (ACCURACY, RANKING))
    return bool(accuracy and accuracy.resolved and not (loss and loss.resolved))


def _choice(comparison: Comparison) -> str:
    chosen, baseline = comparison.chosen, comparison.baseline
    if chosen is None:
        return "No seed has ended both with and without a change yet."
    so_far = "" if comparison.complete else "So far: "
    if chosen is baseline:
        return (
            f"{so_far}validation chooses {_quoted(baseline)}: "
            "no change lowers the mean validation loss."
        )
    if has_failed(baseline):
        return (
            f"{so_far}{_quoted(baseline)} has no validation loss on any seed; "
            f"validation chooses {_quoted(chosen)}. {_alone(chosen)}"
        )
    where = f" over {chosen.cells} cells, lower in {chosen.lower}" if chosen.cells > 1 else ""
    return f"{so_far}validation chooses {_quoted(chosen)}{where}. {_tested(chosen, baseline)}"


def _alone(chosen: VariantEffect) -> str:
    if RANKING not in chosen.means:
        return "There is no test loss to report."
    return f"Its test loss is {number(chosen.means[RANKING])}, with nothing to compare it with."


def _tested(chosen: VariantEffect, baseline: VariantEffect) -> str:
    difference = chosen.differences.get(RANKING)
    if difference is None:
        return "There is no test loss to report."
    way = "lower" if difference.mean < 0 else "higher"
    text = f"Its test loss is {number(abs(difference.mean))} {way} than {_quoted(baseline)}"
    here, there = chosen.means[RANKING], baseline.means[RANKING]
    if isclose(here - there, difference.mean, rel_tol=1e-6, abs_tol=1e-12):  # over the same seeds
        text += f" ({number(here)} against {number(there)})"
    if difference.joint_low is None or difference.joint_high is None:
        return f"{text}; one seed gives no interval."
    text += f", on {difference.pairs} seeds"
    if difference.resolved:
        return f"{text}, more than differences between seeds explain."
    return f"{text}, which the spread between seeds could explain: not resolved."


def _quoted(effect: VariantEffect) -> str:
    return f"\N{LEFT DOUBLE QUOTATION MARK}{effect.arm.name}\N{RIGHT DOUBLE QUOTATION MARK}"

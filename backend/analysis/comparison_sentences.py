"""What a comparison of variants came to, in sentences."""

from math import isclose, sqrt

from backend.analysis.comparison import RANKING, Comparison, Difference, VariantEffect, lost
from backend.analysis.intervals import student_t
from backend.diagnosis.number_format import number

ACCURACY = "test_accuracy"
POWER_80 = 0.8416  # standard normal quantile at 0.8
MOST_SEEDS = 100
MOST_NAMED = 3


def in_words(comparison: Comparison) -> str:
    """Say what validation chooses, what the test part says of it, and what would tell more."""
    told = (_choice(comparison), _accuracies(comparison), _next_step(comparison))
    return " ".join(part for part in told if part)


def seeds_needed(found: Difference, comparisons: int) -> int | None:
    """Return how many seeds would resolve a difference of the measured size with power 80 %.

    The smallest n <= `MOST_SEEDS` with n >= ((t + z) s / d)^2, where d is the mean paired
    difference, s its standard deviation over seeds, z the normal quantile of the power and t
    Student's with n - 1 degrees of freedom at level 1 - 0.05 / `comparisons` (Rosner 1995,
    Fundamentals of Biostatistics, p. 221; t for the normal quantile as in Dupont & Plummer 1990).
    None if more are needed. ValueError for a difference without an interval.
    """
    if found.high is None:
        raise ValueError("one seed tells nothing of the spread")
    spread = (found.high - found.mean) / student_t(found.pairs - 1) * sqrt(found.pairs)
    level = 1 - 0.05 / max(1, comparisons)
    for n in range(2, MOST_SEEDS + 1):
        if sqrt(n) * abs(found.mean) >= (student_t(n - 1, level) + POWER_80) * spread:
            return n
    return None


def _next_step(comparison: Comparison) -> str:
    """Say how many seeds would resolve the choice; for the baseline, the clearest change."""
    chosen, effects = comparison.chosen, comparison.effects
    if chosen is not None and chosen is not comparison.baseline:
        effects = [chosen]
    found = [effect.differences[RANKING] for effect in effects if RANKING in effect.differences]
    found = [one for one in found if one.mean != 0]  # alike on every seed: there is nothing to tell
    open_ones = [one for one in found if one.high is not None and not one.resolved]
    if not open_ones or len(open_ones) < len(found) or chosen is None:
        return ""
    needed = [seeds_needed(one, len(comparison.effects)) for one in open_ones]
    fewest = min((n for n in needed if n is not None), default=None)
    many = f"more than {MOST_SEEDS}" if fewest is None else f"about {fewest}"
    which = "a difference" if len(effects) == 1 else "the clearest of the differences"
    none = "" if len(effects) == 1 else "No difference in test loss is resolved. "
    return f"{none}To tell {which} of this size, {many} seeds are needed (power 80 %)."


def _accuracies(comparison: Comparison) -> str:
    """Name the changes whose accuracy is resolved while their loss is not."""
    found = [effect for effect in comparison.effects if _only_accuracy(effect)]
    if not found:
        return ""
    told = [
        f"{_quoted(effect)} {100 * effect.differences[ACCURACY].mean:+.1f} points"
        for effect in found[:MOST_NAMED]
    ]
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return f"The difference in test accuracy is resolved, though: {', '.join(told)}{more}."


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
    if lost(baseline):
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
    found = chosen.differences.get(RANKING)
    if found is None:
        return "There is no test loss to report."
    way = "lower" if found.mean < 0 else "higher"
    text = f"Its test loss is {number(abs(found.mean))} {way} than {_quoted(baseline)}"
    here, there = chosen.means[RANKING], baseline.means[RANKING]
    if isclose(here - there, found.mean, rel_tol=1e-6, abs_tol=1e-12):  # both of the same seeds
        text += f" ({number(here)} against {number(there)})"
    if found.joint_low is None or found.joint_high is None:
        return f"{text}; one seed gives no interval."
    text += f", on {found.pairs} seeds"
    if found.resolved:
        return f"{text}, more than differences between seeds explain."
    return f"{text}, which the spread between seeds could explain: not resolved."


def _quoted(effect: VariantEffect) -> str:
    return f"\N{LEFT DOUBLE QUOTATION MARK}{effect.arm.name}\N{RIGHT DOUBLE QUOTATION MARK}"

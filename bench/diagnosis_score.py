"""Agreement of the diagnosis, and of a one-line baseline rule, with the ground truth."""

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backend.diagnosis import Curve, diagnose
from backend.diagnosis.verdicts import Kind
from bench.diagnosis_history import (
    RISE,
    LabelledHistory,
    is_clear,
    true_overfitting,
)

Rule = Callable[[LabelledHistory], tuple[bool, int | None]]
"""Maps a history to whether it overfits, and the index at which that begins."""

RuleOutcome = tuple[bool, bool, float | None]
"""(truth, verdict, error of the onset as a fraction of the run's length)."""


def diagnosis_rule(history: LabelledHistory) -> tuple[bool, int | None]:
    """Return whether validation loss rose by the product's diagnosis, and the index of the onset.

    A gap that settled is left out: the true loss shows rises only.
    """
    steps = range(1, len(history.train) + 1)
    diagnosis = diagnose(Curve.from_arrays(list(steps), history.train, history.validation))
    onset = diagnosis.onset_step
    rises = diagnosis.kind is not None and diagnosis.kind is not Kind.GAP
    return rises, None if onset is None else int(onset) - 1


def baseline_rule(history: LabelledHistory) -> tuple[bool, int | None]:
    """Return the baseline's verdict: the median of the last 5 % is 5 % above the minimum."""
    losses = np.array(history.validation)
    best = int(losses.argmin())
    window = min(10, max(3, len(losses) // 20))
    rose = float(np.median(losses[-window:])) > (1 + RISE) * float(losses[best])
    flagged = rose and len(losses) - 1 - best >= 3
    return flagged, best if flagged else None


RULES: dict[str, Rule] = {
    "Overfit Lab": diagnosis_rule,
    "final 5 % above minimum": baseline_rule,
}


@dataclass(frozen=True)
class Score:
    """Agreement with the truth: F1, Matthews correlation, fraction of onsets within 5 %."""

    f1: float
    mcc: float
    onset: float


FIELDS = ("f1", "mcc", "onset")


def score(outcomes: Sequence[RuleOutcome]) -> Score:
    """Return the score of a rule's outcomes."""
    tp = sum(truth and verdict for truth, verdict, _ in outcomes)
    fp = sum(not truth and verdict for truth, verdict, _ in outcomes)
    fn = sum(truth and not verdict for truth, verdict, _ in outcomes)
    tn = len(outcomes) - tp - fp - fn
    f1 = 2 * tp / max(1, 2 * tp + fp + fn)
    product = float(tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    mcc = (tp * tn - fp * fn) / product**0.5 if product else 0.0
    errors = [error for _, _, error in outcomes if error is not None]
    return Score(f1, mcc, sum(e <= 0.05 for e in errors) / max(1, len(errors)))


def outcomes_by_configuration(
    histories: Sequence[LabelledHistory], rule: Rule
) -> dict[int, list[RuleOutcome]]:
    """Return the outcomes of a rule for all histories, by configuration."""
    outcomes = defaultdict(list)
    for history in histories:
        (truth, best), (flagged, onset) = true_overfitting(history), rule(history)
        error = abs(best - onset) / len(history.train) if truth and onset is not None else None
        outcomes[history.configuration].append((truth, flagged, error))
    return outcomes


def bootstrap_interval(outcomes: Mapping[int, Sequence[RuleOutcome]]) -> tuple[Score, Score]:
    """Return both ends of the 95 % bootstrap interval over configurations."""
    draws, keys = random.Random(0), list(outcomes)  # noqa: S311
    scores = [
        score([row for key in draws.choices(keys, k=len(keys)) for row in outcomes[key]])
        for _ in range(1000)
    ]
    low, high = (
        Score(*(float(np.quantile([getattr(s, f) for s in scores], q)) for f in FIELDS))
        for q in (0.025, 0.975)
    )
    return low, high


def report(draw: str, histories: Sequence[LabelledHistory]) -> str:
    """Return a Markdown table of both rules on a corpus and on its clear cases."""
    lines = [
        "| part | rule | runs (overfitting) | F1 | Matthews correlation | onset within 5 % |",
        "|---|---|---|---|---|---|",
    ]
    clear = [history for history in histories if is_clear(history)]
    subsets = {
        draw: histories,
        f"{draw}, clear": clear,
    }
    for subset, members in subsets.items():
        positive = sum(true_overfitting(history)[0] for history in members)
        for name, rule in RULES.items():
            outcomes = outcomes_by_configuration(members, rule)
            value = score([row for rows in outcomes.values() for row in rows])
            low, high = bootstrap_interval(outcomes)
            cells = [
                f"{getattr(value, f):.3f} ({getattr(low, f):.3f} to {getattr(high, f):.3f})"
                for f in FIELDS
            ]
            lines.append(
                f"| {subset} | {name} | {len(members)} ({positive}) | {' | '.join(cells)} |"
            )
    return "\n".join(lines)

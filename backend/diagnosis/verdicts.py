"""The registry of verdicts: each name with all its facts. The rules that give them are in `rules`.

A new verdict is a member of `Verdict` here and a rule in `backend.diagnosis.rules`; terminal
colours, badges, filters, the glossary and the order of remedies follow from the facts.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Self

Tone = Literal["good", "harmful", "unfinished", "unsteady", "unknown"]
"""The colour group of a badge: one CSS class and one terminal colour each."""


@dataclass(frozen=True)
class VerdictFacts:
    """Facts about a verdict, as the pages, the terminal and the remedies need them.

    `severity` orders verdicts by how much they need a remedy; the highest is the worst. `mark` is
    the one character that stands for the verdict in a dense grid. `meaning` is its glossary entry.
    `rules` are the stable ids of the rules that give it. `remedies` are slugs of
    `backend.remedies.catalogue`, the most promising first.
    """

    severity: int
    tone: Tone
    mark: str
    meaning: str
    rules: tuple[str, ...]
    remedies: tuple[str, ...] = ()


_AGAINST_OVERFITTING = (
    "more-data", "early-stopping", "weight-decay", "dropout", "label-smoothing", "less-capacity",
)  # fmt: skip


class Verdict(StrEnum):
    """A verdict on a fit. Its value is the name that users, REST and the database see."""

    facts: VerdictFacts

    def __new__(cls, name: str, facts: VerdictFacts) -> Self:
        """Make a member that equals its name and carries its facts."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.facts = facts
        return member

    OVERFITTING = "overfitting", VerdictFacts(
        severity=9, tone="harmful", mark="O",
        meaning="The model fits its training samples so closely that it has taken on their noise: "
        "training loss is very low, validation loss high or rising. Too little data, too rich a "
        "model and too much noise cause it.",
        rules=("overfitting.mild", "overfitting.severe"),
        remedies=_AGAINST_OVERFITTING,
    )  # fmt: skip
    MEMORISED_NOISE = "memorised noise", VerdictFacts(
        severity=8, tone="harmful", mark="N",
        meaning="The model reproduces even the wrong labels among its training samples.",
        rules=("memorised-noise.never-fell", "memorised-noise.near-zero-train"),
        remedies=_AGAINST_OVERFITTING,
    )  # fmt: skip
    DIVERGED = "diverged", VerdictFacts(
        severity=6, tone="harmful", mark="D",
        meaning="The loss grows without end, or is no longer a number: most often the learning "
        "rate is too high.",
        rules=("diverged.not-finite", "diverged.validation-not-finite", "diverged.exploded"),
        remedies=("smaller-steps",),
    )  # fmt: skip
    UNSTABLE = "unstable", VerdictFacts(
        severity=5, tone="unsteady", mark="~",
        meaning="Validation loss jumps up and down so much that no trend can be read from it.",
        rules=("unstable.both-rise", "unstable.noisy"),
        remedies=("smaller-steps", "weight-decay", "more-data"),
    )  # fmt: skip
    UNDERFITTING = "underfitting", VerdictFacts(
        severity=4, tone="unfinished", mark="U",
        meaning="The model cannot capture the pattern: training and validation loss are both high.",
        rules=("underfitting.no-progress", "underfitting.near-reference"),
        remedies=("more-capacity", "longer-training", "no-regularisation"),
    )  # fmt: skip
    DOUBLE_DESCENT = "epoch-wise double descent", VerdictFacts(
        severity=3, tone="unsteady", mark="2",
        meaning="Over the epochs validation loss falls, rises, and falls a second time, below "
        "where it was.",
        rules=("double-descent.epoch-wise",),
        remedies=("longer-training", "weight-decay", "more-data"),
    )  # fmt: skip
    STILL_IMPROVING = "still improving", VerdictFacts(
        severity=2, tone="unfinished", mark="S",
        meaning="Validation loss was still falling when training ended: train longer before "
        "judging the fit.",
        rules=("still-improving.falling",),
        remedies=("longer-training", "more-capacity", "more-data"),
    )  # fmt: skip
    NOT_ASSESSABLE = "not assessable", VerdictFacts(
        severity=1, tone="unknown", mark="?",
        meaning="There are too few epochs, or numbers missing, to say anything honest.",
        rules=(
            "not-assessable.short", "not-assessable.no-losses", "not-assessable.unreadable",
            "not-assessable.error",
        ),
        remedies=("longer-training",),
    )  # fmt: skip
    GOOD_FIT = "good fit", VerdictFacts(
        severity=0, tone="good", mark="G",
        meaning="Training and validation loss both settled, and lie close together.",
        rules=("good-fit.settled",),
    )  # fmt: skip


OVER_CONFIDENT = "over-confident"
"""A finding next to the verdict overfitting, with remedies of its own."""

FACTS: dict[str, VerdictFacts] = {
    **{verdict.value: verdict.facts for verdict in Verdict},
    OVER_CONFIDENT: VerdictFacts(
        severity=7, tone="harmful", mark="C",
        meaning="Accuracy holds while the loss rises: the answers are as often right as before, "
        "and surer of those that are wrong.",
        rules=(OVER_CONFIDENT,),
        remedies=("label-smoothing", *(s for s in _AGAINST_OVERFITTING if s != "label-smoothing")),
    ),
}  # fmt: skip
"""The facts of all verdicts, and of the one finding that has remedies, by name."""

RULES = frozenset(rule for facts in FACTS.values() for rule in facts.rules)
"""The ids of all rules."""


def slug(name: str) -> str:
    """Return a verdict as it appears in URLs and on the command line."""
    return name.replace(" ", "-")


@dataclass(frozen=True)
class RuleMatch:
    """A verdict, the id of the rule that gives it, and its two sentences.

    `practitioner` continues after "Verdict: "; `learner` stands alone.
    """

    verdict: Verdict
    rule: str
    practitioner: str
    learner: str


@dataclass(frozen=True)
class Majority:
    """The verdict shared by `amount` of the `of` runs that have a verdict."""

    verdict: str
    amount: int
    of: int

    def __str__(self) -> str:
        """Write the verdict, followed by how many runs share it unless all do."""
        shared = "" if self.amount == self.of else f" {self.amount} of {self.of}"
        return f"{self.verdict}{shared}"


def majority_verdict(verdicts: Iterable[str | None]) -> Majority | None:
    """Return the verdict of more than half of the runs, else the most severe; None without any.

    A good fit of one seed must not hide what went wrong with the other.
    """
    counts = Counter(verdict for verdict in verdicts if verdict)
    if not counts:
        return None
    verdict, amount = counts.most_common(1)[0]
    if 2 * amount <= counts.total():
        verdict = max(counts, key=severity)
    return Majority(verdict, counts[verdict], counts.total())


def severity(name: str) -> int:
    """Return how much a verdict needs a remedy, -1 for one of an older release."""
    facts = FACTS.get(name)
    return -1 if facts is None else facts.severity
